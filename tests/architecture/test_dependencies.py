"""What is declared, explained, installed and imported is the same everywhere."""

import importlib.metadata
from pathlib import Path
import re
import sys

from homeassistant.const import __version__ as installed_home_assistant
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image
import pytest

from tests.browser.home_assistant import environment_folder

from .house import CLIENT, INTEGRATION, ROOT, imports_of, load_json, sources

MANIFEST = load_json(INTEGRATION / "manifest.json")
HACS = load_json(ROOT / "hacs.json")
# Import name -> distribution, where they differ.
DISTRIBUTIONS = {"google": "protobuf", "nacl": "PyNaCl", "PIL": "Pillow"}


def explained() -> dict[str, set[str]]:
    chapters: dict[str, set[str]] = {}
    chapter = ""
    for line in (ROOT / "docs" / "dependencies.md").read_text("utf-8").splitlines():
        match re.fullmatch(r"(##|###) (.+)", line):
            case re.Match() as heading if heading[1] == "##":
                chapter = heading[2]
            case re.Match() as heading:
                chapters.setdefault(chapter, set()).add(heading[2])
    return chapters


def pinned_for_tests() -> dict[str, Requirement]:
    lines = (ROOT / "requirements_test.txt").read_text("utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {requirement.name: requirement for requirement in wanted}


def in_manifest() -> dict[str, Requirement]:
    wanted = [Requirement(line) for line in MANIFEST["requirements"]]
    return {requirement.name: requirement for requirement in wanted}


def constraints(environment: Path) -> dict[str, Requirement]:
    (file,) = environment.glob("lib/python3*/site-packages/homeassistant/package_constraints.txt")
    found = [Requirement(line) for line in file.read_text().splitlines() if re.match(r"\w", line)]
    return {requirement.name.lower(): requirement for requirement in found}


def imported() -> set[str]:
    tops = {
        i.module.split(".", maxsplit=1)[0]
        for path in sources(INTEGRATION)
        for i in imports_of(path, INTEGRATION)
    }
    third_party = tops - sys.stdlib_module_names - {"", "homeassistant"}
    return {DISTRIBUTIONS.get(name, name) for name in third_party}


def test_manifest_is_explained() -> None:
    assert explained()["Installed with the integration"] == set(in_manifest())


def test_requirements_of_the_tests_are_explained() -> None:
    only_for_tests = set(pinned_for_tests()) - set(in_manifest())
    assert explained()["For tests and checks"] == only_for_tests


def test_imports_are_explained() -> None:
    assert imported() <= set(in_manifest()) | explained()["Carried by Home Assistant"]


def test_every_requirement_is_imported() -> None:
    assert set(in_manifest()) <= imported()


@pytest.mark.parametrize("environment", [Path(sys.prefix), environment_folder()])
def test_home_assistant_allows_the_manifest(environment: Path) -> None:
    allowed = constraints(environment)
    for name, wanted in in_manifest().items():
        pins = allowed[name].specifier if name in allowed else ()
        assert [pin for pin in pins if pin.version not in wanted.specifier] == []


@pytest.mark.parametrize("environment", [Path(sys.prefix), environment_folder()])
def test_home_assistant_carries_what_we_lean_on(environment: Path) -> None:
    carried = {name.lower() for name in explained()["Carried by Home Assistant"]}
    # voluptuous is a name that Home Assistant answers to, not one that it constrains.
    assert carried - {"voluptuous"} <= set(constraints(environment))


def test_tests_run_on_what_the_manifest_allows() -> None:
    pinned = pinned_for_tests()
    for name, wanted in in_manifest().items():
        assert importlib.metadata.version(name) in wanted.specifier
        assert importlib.metadata.version(name) in pinned[name].specifier


def test_oldest_home_assistant_is_the_one_the_tests_run_on() -> None:
    assert HACS["homeassistant"] == installed_home_assistant
    assert f"TEST_HA={installed_home_assistant} " in (ROOT / "script" / "setup").read_text()


def test_generated_code_is_not_newer_than_the_oldest_protobuf() -> None:
    oldest = min(
        Version(s.version) for s in in_manifest()["protobuf"].specifier if s.operator == ">="
    )
    generated = [path.read_text() for path in (CLIENT / "proto").glob("*_pb2.py")]
    found = [
        re.search(r"^# Protobuf Python Version: (\S+)$", text, re.MULTILINE) for text in generated
    ]
    versions = [Version(match[1]) for match in found if match]
    assert len(versions) == len(generated) > 0
    assert max(versions) <= oldest


def test_generated_file_names_are_ours_alone() -> None:
    generated = [path.read_text() for path in (CLIENT / "proto").glob("*_pb2.py")]
    assert all("# source: aiowhatsapp/" in text for text in generated)


def test_manifest_says_what_this_is() -> None:
    expected = {
        "domain": "whatsapp_web",
        "name": "WhatsApp Web",
        "config_flow": True,
        "integration_type": "service",
        "iot_class": "cloud_push",
    }
    assert {key: MANIFEST[key] for key in expected} == expected
    assert HACS["name"] == MANIFEST["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])
    # hassfest's order: domain, name, and the rest by the alphabet.
    assert list(MANIFEST)[2:] == sorted(list(MANIFEST)[2:])


@pytest.mark.parametrize(
    ("picture", "size"),
    [("icon.png", 256), ("icon@2x.png", 512), ("logo.png", 128), ("logo@2x.png", 256)],
)
def test_brand_pictures_have_the_size_asked_for(picture: str, size: int) -> None:
    with Image.open(INTEGRATION / "brand" / picture) as image:
        assert image.format == "PNG"
        assert min(image.size) == size
