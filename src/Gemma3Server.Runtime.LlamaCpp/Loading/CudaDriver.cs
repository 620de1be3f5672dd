using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Whether the driver can run the pinned CUDA backend. Loading that succeeds either way; the first step then ends the process, with
/// "provided PTX was compiled with an unsupported toolchain" (seen on an H200 with a driver of CUDA 13.0).
/// </summary>
internal static class CudaDriver
{
    /// <summary>The backend's kernels for other GPUs than <see cref="HasMachineCode"/> are PTX of CUDA 13.1, which an older driver cannot compile.</summary>
    private const int DriverOfPtx = 13_010;

    /// <summary>Why the backend cannot run here; null when it can, or when there is no driver to ask (the backend then finds no device).</summary>
    public static string? WhyUnusable()
    {
        try
        {
            if (CudaDriverNative.cuInit(0) != 0 || CudaDriverNative.cuDriverGetVersion(out var version) != 0
                || CudaDriverNative.cuDeviceGetCount(out var count) != 0)
            {
                return null;
            }

            return Enumerable.Range(0, count).Select(Capability).Select(capability => WhyUnusable(version, capability)).FirstOrDefault(reason => reason is not null);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <param name="version">As the driver reports it: 13000 is CUDA 13.0.</param>
    /// <param name="capability">Compute capability of a GPU.</param>
    internal static string? WhyUnusable(int version, (int Major, int Minor) capability) => version >= DriverOfPtx || HasMachineCode(capability)
        ? null
        : $"a GPU of compute capability {capability.Major}.{capability.Minor} needs a driver for CUDA 13.1 or newer, and this one is for "
            + $"{version / 1000}.{version % 1000 / 10}: update the driver, or build with -p:LlamaBackend=cuda12";

    /// <summary>Machine code in the package: sm_86 and sm_89, which run on 8.6 to 8.9, and the 12.0 and 12.1 of their own.</summary>
    private static bool HasMachineCode((int Major, int Minor) capability) => capability is (8, >= 6) or (12, 0 or 1);

    private static (int Major, int Minor) Capability(int ordinal) =>
        CudaDriverNative.cuDeviceGet(out var device, ordinal) == 0
        && CudaDriverNative.cuDeviceGetAttribute(out var major, CudaDriverNative.ComputeCapabilityMajor, device) == 0
        && CudaDriverNative.cuDeviceGetAttribute(out var minor, CudaDriverNative.ComputeCapabilityMinor, device) == 0
            ? (major, minor)
            : (0, 0);
}
