import pytest

from custom_components.whatsapp_web.aiowhatsapp.media.filenames import MAX_BYTES, safe_filename


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("تقرير/السنة\\2026.pdf", "تقرير_السنة_2026.pdf"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("..", "file"),
        ("", "file"),
        (" .hidden ", "hidden"),
        ("a\x00b\n.txt", "ab.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("C:\\x.txt", "C__x.txt"),
        ("\ud800.txt", "_.txt"),
        ("no-suffix", "no-suffix"),
    ],
)
def test_name_is_one_plain_name(name: str, expected: str) -> None:
    assert safe_filename(name) == expected


@pytest.mark.parametrize(
    "name", ["ä" * 500 + ".pdf", "x" * 500, "a." + "s" * 300, "😀" * 99 + ".ogg"]
)
def test_long_name_is_cut_and_keeps_its_ending(name: str) -> None:
    safe = safe_filename(name)
    assert 0 < len(safe.encode()) <= MAX_BYTES
    assert safe.endswith(name[-4:]) or "." not in name[-4:]
