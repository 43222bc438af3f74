"""The intermediate representation: KFP's PipelineSpec, read from and written to IR YAML 2.1."""

from mlplat.ir.model import PipelineSpec
from mlplat.ir.read import is_ir, read
from mlplat.ir.write import write

__all__ = ["PipelineSpec", "is_ir", "read", "write"]
