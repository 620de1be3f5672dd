using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Tests.Pool;

/// <summary>Loads nothing: a test ends each load as it likes, and the loader notes what a pool must never do.</summary>
internal sealed class FakeLoader : IModelLoader
{
    private readonly Lock _gate = new();

    /// <summary>All instances so far, the youngest last.</summary>
    public List<FakeInstance> Started { get; } = [];

    /// <summary>What each model takes; others take nothing.</summary>
    public Dictionary<string, long> Sizes { get; } = [];

    /// <summary>Memory of the machine.</summary>
    public long Memory { get; init; } = long.MaxValue / 4;

    /// <summary>What each model takes of the GPU; others take nothing.</summary>
    public Dictionary<string, long> GpuSizes { get; } = [];

    /// <summary>Memory of the GPU.</summary>
    public long GpuMemory { get; init; }

    /// <summary>Layers that have no room on the GPU, of each load.</summary>
    public int HostLayers { get; set; }

    /// <summary>What the loads were given, the youngest last.</summary>
    public List<MemorySize> Given { get; } = [];

    /// <summary>How often a model can be made smaller.</summary>
    public int MostShrinks { get; init; }

    /// <summary>Thrown when the file of a model is looked at.</summary>
    public Exception? Unreadable { get; set; }

    /// <summary>What went wrong; null when nothing did.</summary>
    public string? Fault { get; private set; }

    /// <summary>The load under way; null when there is none.</summary>
    public FakeInstance? Loading
    {
        get
        {
            lock (_gate) return Started.Find(instance => !instance.Ready.IsCompleted);
        }
    }

    public ModelNeed Need(ServedModel model) => Unreadable is { } exception ? throw exception : new(SizeOf(model), SizeOf(model).Total / (MostShrinks + 1));

    public MemorySize Free(MemorySize taken) => new(Memory - taken.Host, GpuMemory - taken.Gpu);

    public bool CanShrink(ServedModel model, int shrink) => shrink <= MostShrinks;

    public IModelInstance Start(ServedModel model, int shrink, MemorySize free)
    {
        lock (_gate)
        {
            if (Started.Exists(other => !other.Ready.IsCompleted)) Fault ??= $"{model.Id} was loaded beside another load";
            var instance = new FakeInstance(model, shrink, new(SizeOf(model).Host / (shrink + 1), SizeOf(model).Gpu / (shrink + 1))) { HostLayers = HostLayers };
            Given.Add(free);
            Started.Add(instance);
            return instance;
        }
    }

    private MemorySize SizeOf(ServedModel model) => new(Sizes.GetValueOrDefault(model.Id), GpuSizes.GetValueOrDefault(model.Id));
}
