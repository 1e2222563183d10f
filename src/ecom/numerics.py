"""What fixes how numerical libraries compute; they read it when they load."""

import platform
from typing import Final

THREADS: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

# The kernels that every x86-64 CPU can run for which NumPy is built.
KERNELS: Final = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    # exp, log and their like without fused multiply-add; the second pair is for glibc before 2.33.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4,-FMA_Usable,-FMA4_Usable",
}


def fixed_variables() -> dict[str, str]:
    """Return the environment variables with which machines of a kind compute the same."""
    return THREADS | (KERNELS if platform.machine() in {"x86_64", "AMD64"} else {})
