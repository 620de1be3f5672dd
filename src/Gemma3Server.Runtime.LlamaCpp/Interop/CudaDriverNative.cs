using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>The part of NVIDIA's driver library that tells what the driver and its GPUs are; every call answers 0 for success.</summary>
internal static partial class CudaDriverNative
{
    public const int ComputeCapabilityMajor = 75;
    public const int ComputeCapabilityMinor = 76;

    private const string Library = "libcuda.so.1";

    [LibraryImport(Library)]
    public static partial int cuInit(uint flags);

    /// <summary>1000 times the major plus 10 times the minor version of CUDA that the driver is for.</summary>
    [LibraryImport(Library)]
    public static partial int cuDriverGetVersion(out int version);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetCount(out int count);

    [LibraryImport(Library)]
    public static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetAttribute(out int value, int attribute, int device);
}
