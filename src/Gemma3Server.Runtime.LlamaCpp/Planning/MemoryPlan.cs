using System.Globalization;
using System.Text;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>How a model would be loaded, what that takes, and whether there is room.</summary>
public sealed record MemoryPlan
{
    /// <summary>Positions of one sequence.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Positions that the checkpoint was trained for.</summary>
    public required int TrainedContextLength { get; init; }

    /// <summary>Sequences that run at the same time.</summary>
    public required int Sequences { get; init; }

    /// <summary>Layers on the GPU as the library counts them, with the output as one more; 0 without a GPU.</summary>
    public required int GpuLayers { get; init; }

    /// <summary>Layers of the model.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Layers of the model on the GPU.</summary>
    public int OffloadedLayers => Math.Clamp(GpuLayers - 1, 0, LayerCount);

    /// <summary>What it takes.</summary>
    public required MemoryNeed Need { get; init; }

    /// <summary>What the draft model takes beside it, for which room was left; <see langword="null"/> where there is none.</summary>
    public MemoryNeed? Draft { get; init; }

    /// <summary>What there was to plan with.</summary>
    public required DeviceMemory Free { get; init; }

    /// <summary>Why it does not fit, in one line that says what to lower; <see langword="null"/> when it fits.</summary>
    public string? Shortage { get; init; }

    /// <summary>Whether there is room for it.</summary>
    public bool Fits => Shortage is null;

    /// <summary>Whether there is room for it and its draft model. Without it a load does without the draft model.</summary>
    public bool FitsDraft => Fits && (Draft is null
        || (Need.Host.Total + Draft.Host.Total <= Free.HostFree && (Free.Gpus == 0 || Need.Gpu.Total + Draft.GpuOfModel <= Free.GpuFree)));

    /// <summary>The parts as lines of text, each with a line break before it; MiB.</summary>
    public string ToTable()
    {
        var text = new StringBuilder();
        var hasGpu = Free.Gpus > 0;
        void Line(string name, string host, string gpu) =>
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {name,-20}{host,10}{(hasGpu ? $"{gpu,10}" : "")}");
        string Number(long bytes) => ((bytes + (1 << 19)) >> 20).ToString(CultureInfo.InvariantCulture);

        Line("", "host", "GPU");
        foreach (var ((name, host), (_, gpu)) in Need.Host.Named.Zip(Need.Gpu.Named))
            if (host + gpu > 0) Line(name, Number(host), Number(gpu));
        Line("in all", Number(Need.Host.Total), Number(Need.Gpu.Total));
        Line("free", Number(Free.HostFree - Need.Host.Total), Number(Free.GpuFree - Need.Gpu.Total));
        text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {Sequences} sequences of {ContextLength} tokens{(hasGpu ? $", {OffloadedLayers} of {LayerCount} layers on the GPU" : "")}");
        return text.ToString();
    }
}
