"""Takes imports that only options need out of a descriptor set: python3 option_imports.py FILE

The rules of buf.validate stand in the options of fields. No message of Sealwire has a field of a type in
buf/validate/validate.proto, so generated code needs that file for nothing else. This is what edition 2024 writes as
`import option`: a file that need not be there at run time. The options stay as they are. Where somebody loads
buf/validate/validate_pb2, from whichever package, they are read with it; otherwise they are unknown fields.
"""

import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

OPTIONS_ONLY = {"buf/validate/validate.proto"}


def main(path: Path) -> None:
    contract = FileDescriptorSet.FromString(path.read_bytes())
    for file in contract.file:
        if file.name in OPTIONS_ONLY:
            continue
        kept = [name for name in file.dependency if name not in OPTIONS_ONLY]
        del file.dependency[:]
        file.dependency.extend(kept)
    path.write_bytes(contract.SerializeToString())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
