"""Layers, and code in a folder that is edited while it runs."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from support.functions import ROLE, SETTINGS, House, zipped
from syncline.core import Request, Unsupported, json
from syncline.functions.errors import EnvironmentUnavailable

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:lib"
USES = "import lib, os\ndef handler(event, context): return [lib.WHO, os.popen('tool').read()]"


@pytest.fixture
def boto(house: House):
    return client({"lambda": house.service}, "lambda")


async def publish(boto, **files: str) -> dict:
    return await called(boto.publish_layer_version, LayerName="lib", Content={"ZipFile": zipped(**files)})


@pytest.mark.rule("FN-42")
async def test_a_function_finds_its_layers_the_last_first(boto, house: House) -> None:
    first = await publish(boto, **{"python/lib.py": "WHO = 'first'"})
    assert (first["LayerVersionArn"], first["Version"]) == (f"{ARN}:1", 1)
    tools = await called(
        boto.publish_layer_version,
        LayerName="tools",
        Content={"ZipFile": zipped(**{"python/lib.py": "WHO = 'tools'", "bin/tool": "no program"})},
    )
    both = [first["LayerVersionArn"], tools["LayerVersionArn"]]
    created = await house.create("f", USES, Layers=both)
    assert [layer["Arn"] for layer in created["Layers"]] == both
    assert json.decode((await house.engine.invoke("f", b"{}")).payload)[0] == "tools"
    await called(boto.update_function_configuration, FunctionName="f", Layers=[first["LayerVersionArn"]])
    assert json.decode((await house.engine.invoke("f", b"{}")).payload)[0] == "first"
    cleared = await called(boto.update_function_configuration, FunctionName="f", Layers=[])
    assert "Layers" not in cleared


@pytest.mark.rule("FN-42")
async def test_a_deleted_layer_stays_with_the_functions_that_use_it(boto, house: House, reopen) -> None:
    await publish(boto, **{"python/lib.py": "WHO = 'kept'"})
    await house.create("f", USES, Layers=[f"{ARN}:1"])
    await called(boto.delete_layer_version, LayerName="lib", VersionNumber=1)
    assert (await called(boto.list_layers))["Layers"] == []
    again = await reopen()
    assert json.decode((await again.engine.invoke("f", b"{}")).payload)[0] == "kept"
    assert (await publish(boto, **{"python/lib.py": "WHO = 'next'"}))["Version"] == 2


@pytest.mark.rule("FN-42")
async def test_layers_are_listed_fetched_and_refused_in_lambdas_words(boto, house: House) -> None:
    await publish(boto, **{"python/lib.py": "WHO = 1"})
    made = await called(
        boto.publish_layer_version,
        LayerName="lib",
        Description="second",
        CompatibleRuntimes=["python3.11"],
        Content={"ZipFile": zipped(**{"python/lib.py": "WHO = 2"})},
    )
    listed = (await called(boto.list_layer_versions, LayerName="lib"))["LayerVersions"]
    assert [one["Version"] for one in listed] == [2, 1]
    (layer,) = (await called(boto.list_layers, CompatibleRuntime="python3.11"))["Layers"]
    assert layer["LatestMatchingVersion"]["Description"] == "second"
    by_arn = await called(boto.get_layer_version_by_arn, Arn=made["LayerVersionArn"])
    assert by_arn["Content"]["CodeSha256"] == made["Content"]["CodeSha256"]
    path, _, query = by_arn["Content"]["Location"].removeprefix("http://127.0.0.1:4000").partition("?")
    assert len((await house.engine.links.respond(Request("GET", path, query, []))).body) == made["Content"]["CodeSize"]
    for arns, words in (
        ([f"{ARN}:9"], f"Layer version {ARN}:9 does not exist."),
        ([f"{ARN}:1", f"{ARN}:2"], "Two different versions of the same layer are not allowed"),
    ):
        with pytest.raises(ClientError, match=words):
            await called(
                boto.create_function,
                FunctionName="g",
                Role=ROLE,
                Runtime="python3.11",
                Handler="a.b",
                Code={"ZipFile": zipped(a__py="")},
                Layers=arns,
            )
    with pytest.raises(ClientError, match="The resource you requested does not exist"):
        await called(boto.get_layer_version, LayerName="lib", VersionNumber=9)


@pytest.mark.rule("FN-42")
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
async def test_a_node_function_finds_packages_of_its_layers(boto, house: House) -> None:
    await publish(boto, **{"nodejs/node_modules/dep/index.js": "module.exports = 'from the layer'"})
    code = zipped(app__js="exports.handler = async () => require('dep')")
    await house.service.create_function(
        {
            "FunctionName": "n",
            "Runtime": "nodejs20.x",
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": {"ZipFile": code},
            "Layers": [f"{ARN}:1"],
        }
    )
    assert (await house.engine.invoke("n", b"{}")).payload == b'"from the layer"'


def in_folder(folder: Path) -> dict:
    return {
        "FunctionName": "hot",
        "Runtime": "python3.11",
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"S3Bucket": "hot-reload", "S3Key": str(folder)},
    }


@pytest.mark.rule("FN-43")
async def test_what_is_saved_in_the_folder_runs_with_the_next_event(reopen, tmp_path: Path) -> None:
    house = await reopen(msgspec.structs.replace(SETTINGS, mode="dev"))
    folder = tmp_path / "code"
    (folder / "inner").mkdir(parents=True)
    (folder / "app.py").write_text(
        "from inner import part\nimport os\ndef handler(event, context): return [part.TEXT, os.getpid()]"
    )
    (folder / "inner" / "part.py").write_text("TEXT = 'one'")

    async def ask() -> list:
        return json.decode((await house.engine.invoke("hot", b"{}")).payload)

    created = await house.service.create_function(in_folder(folder))
    assert created["CodeSize"] == 0
    first, again = await ask(), await ask()
    assert first == again
    (folder / "inner" / "part.py").write_text("TEXT = 'another'")
    assert (await ask())[0] == "another"
    shown = await house.service.get_function({"FunctionName": "hot"})
    assert shown["Code"]["Location"] == folder.as_uri()
    with pytest.raises(Unsupported, match="A version of a function that runs from a folder"):
        await house.service.publish_version({"FunctionName": "hot"})
    with pytest.raises(ClientError, match="absolute path"):
        await called(
            client({"lambda": house.service}, "lambda").create_function,
            **in_folder(tmp_path / "nowhere") | {"FunctionName": "no"},
        )
    assert not list(folder.rglob("__pycache__"))
    serving = await reopen()
    with pytest.raises(EnvironmentUnavailable, match="only `syncline dev` does"):
        await serving.engine.invoke("hot", b"{}")
    await house.service.update_function_code({"FunctionName": "hot", "ZipFile": zipped(app__py="handler = print")})
    await house.service.publish_version({"FunctionName": "hot"})
    os.stat(folder / "app.py")


@pytest.mark.rule("FN-43")
async def test_a_server_that_is_not_for_development_takes_no_folder(house: House, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="not `syncline dev`"):
        await house.service.create_function(in_folder(tmp_path))
