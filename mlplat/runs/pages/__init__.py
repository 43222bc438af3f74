"""What the page of a run shows, gathered from the record, logs and artifacts.

``sources`` reads logs and artifacts of this machine. ``limits`` takes of them what a page has room for. ``tree`` has
the nodes that people know. ``assembly`` makes one report of them, and ``notebook`` a page for notebooks.
"""
