using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>A device that the loaded backends offer.</summary>
internal sealed record ComputeDevice(string Description, bool IsGpu, long FreeBytes)
{
    public override string ToString() => IsGpu ? $"{Description} ({FreeBytes >> 20} MiB free)" : Description;

    /// <summary>All devices of the loaded backends, with their memory as it is now.</summary>
    public static unsafe IReadOnlyList<ComputeDevice> All()
    {
        var devices = new List<ComputeDevice>();
        foreach (var device in Handles())
        {
            nuint free, total;
            GgmlBaseNative.ggml_backend_dev_memory(device, &free, &total);
            devices.Add(new(Utf8Text.Read(GgmlBaseNative.ggml_backend_dev_description(device)), IsGpuHandle(device), (long)free));
        }

        return devices;
    }

    /// <summary>The library's buffer type of host memory that a GPU copies to and from at full speed; 0 where there is no GPU.</summary>
    public static nint PinnedMemoryType() =>
        Handles().Where(IsGpuHandle).Select(GgmlBaseNative.ggml_backend_dev_host_buffer_type).FirstOrDefault(type => type != 0);

    private static IEnumerable<nint> Handles()
    {
        for (nuint i = 0; i < GgmlNative.ggml_backend_dev_count(); i++) yield return GgmlNative.ggml_backend_dev_get(i);
    }

    private static bool IsGpuHandle(nint device) => GgmlBaseNative.ggml_backend_dev_type(device) is GgmlDeviceType.Gpu or GgmlDeviceType.IntegratedGpu;
}
