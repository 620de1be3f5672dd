using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>What memory there is to plan with.</summary>
/// <param name="HostFree">Bytes of the host's that are free or can be freed from the page cache.</param>
/// <param name="GpuFree">Free bytes of all GPUs together.</param>
/// <param name="Gpus">Number of GPUs.</param>
public sealed record DeviceMemory(long HostFree, long GpuFree, int Gpus)
{
    /// <summary>What is free now. The native library must be loaded (<see cref="NativeLibraryLoader"/>): its backends know the devices.</summary>
    internal static DeviceMemory Now()
    {
        var gpus = ComputeDevice.All().Where(device => device.IsGpu).ToArray();
        return new(HostMemory.Available(), gpus.Sum(device => device.FreeBytes), gpus.Length);
    }
}
