"""A Parquet file of one column and one row, as polars 2.1 writes it, and damaged ones."""

from base64 import b64decode
from pathlib import Path
from zlib import decompress

_WHOLE = decompress(b64decode("""
eNp1UcFOwkAQna4N4eChB7bpJj30YgORICyStt4WQpBotCUmRsOlWBZIkBqKoH6EJz/Cz3R268GL7zCz7828d9iJxaRDTWpR
65oSCgAGlKCgxCaKFq3QCgBBkRhwRE3Wg4rFHCOlYBN7ak997leBuTan3FZWwpqX5jbPd5QANU8IruImc5nrfxrufwH2l0Fr
gJT4VXtaA0x0jsVkcnt/UTwt58+p822cKXQfBGKoSrhH/pb8ci1dCVGIge6JOI1xfjgofSzE4u+eLoGaf2hdl5HQI7SjuT8W
fd2HKg+hc4SI79AUle+ktA4Slbco+WgowLmJ83W6Lbz6y/tumW8a3n6+LVb5xuOtTqvt1Wevq3XmBTJq81nWlTLjgZQhzzrn
PAjTdpTyqCcll0E6zyLeYK6LP/uI14nxYj/FPFuO
"""))  # fmt: skip


def write_damaged(path: Path, at: int, byte: int) -> None:
    """The file with one byte that is another."""
    path.write_bytes(_WHOLE[:at] + bytes([byte]) + _WHOLE[at + 1 :])
