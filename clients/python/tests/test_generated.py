"""The generated modules: what they register, and that they are up to date."""

import filecmp
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
TOGETHER = """
import sys
sys.path[:0] = [SRC, GEN]
from google.protobuf import descriptor_pool
import sealwire.system.v1, sealwire.demo.v1, sealwire
from google.rpc import error_details_pb2, status_pb2
import protovalidate
pool = descriptor_pool.Default()
def registered(name):
    try:
        return pool.FindFileByName(name) is not None
    except KeyError:
        return False
assert registered("google/rpc/code.proto") and registered("sealwire/v1/error.proto")
assert not registered("buf/validate/validate.proto")
request = sealwire.system.v1.ListJobsRequest(states=[0], page_size=501)
found = sorted(each.proto.rule_id for each in protovalidate.collect_violations(request))
assert found == ["enum.not_in", "int32.gte_lte"], found
"""
# A user's own buf/validate/validate_pb2, after and before the modules of the package.
OWN = """
from buf.validate import validate_pb2
rules = sealwire.demo.v1.BatchSumRequest.DESCRIPTOR.fields_by_name["numbers"].GetOptions()
assert rules.Extensions[validate_pb2.field].repeated.max_items == 10000
print("together")
"""
OWN_FIRST = (
    "import sys\nsys.path[:0] = [SRC, GEN]\nfrom buf.validate import validate_pb2\nimport sealwire.demo.v1\n" + OWN
)


def run(code: str, generated: Path) -> str:
    code = code.replace("SRC", repr(str(PACKAGE / "src"))).replace("GEN", repr(str(generated)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(importlib.util.find_spec("protovalidate") is None, reason="protovalidate is not installed")
def test_protovalidate_finds_the_rules_and_no_file_is_registered_twice(tmp_path: Path) -> None:
    run(TOGETHER, tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="grpcio-tools is not installed")
def test_a_users_own_copy_of_the_rules_goes_with_the_package(tmp_path: Path) -> None:
    protos = PACKAGE.parents[1] / "dist" / "proto"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(protos), f"--python_out={tmp_path}"]
    subprocess.run([*command, "buf/validate/validate.proto"], check=True)
    assert run(OWN_FIRST, tmp_path).strip() == "together"
    assert run(TOGETHER + OWN, tmp_path).strip() == "together"


@pytest.mark.skipif(
    "SEALWIRE_GENERATOR" not in os.environ,
    reason="SEALWIRE_GENERATOR is not set: a Python with generate-requirements.txt",
)
def test_the_generated_modules_are_up_to_date(tmp_path: Path) -> None:
    generator = os.environ["SEALWIRE_GENERATOR"]
    path = f"{Path(generator).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHON": generator, "PATH": path}
    subprocess.run([str(PACKAGE / "generate.sh"), str(tmp_path)], check=True, env=environment)
    made = {each.relative_to(tmp_path) for each in tmp_path.rglob("*_pb2*")}
    committed = {
        each.relative_to(PACKAGE / "src")
        for each in (PACKAGE / "src").rglob("*_pb2*.py*")
        if "__pycache__" not in each.parts
    }
    assert made == committed
    for each in made:
        assert filecmp.cmp(tmp_path / each, PACKAGE / "src" / each, shallow=False), f"{each} differs: run ./generate.sh"
