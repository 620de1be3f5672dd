using Gemma3Server.Pool;
using Gemma3Server.Runtime;

namespace Gemma3Server.Hosting;

/// <summary>The runtime's part of loading models: what checkpoints take, what is free, and the loads, which the engine calls on its own thread.</summary>
internal sealed record RuntimeLoader
{
    /// <summary>Loads the checkpoint of the settings into the given memory; tells the share of its weights that has been read.</summary>
    public required Func<Gemma3ServerOptions, MemorySize, Action<double>, CancellationToken, IModelRuntime> Load { get; init; }

    /// <summary>Loads the draft model for a loaded one into the given memory.</summary>
    public required Func<Gemma3ServerOptions, IModelRuntime, MemorySize, CancellationToken, IModelRuntime> LoadDraft { get; init; }

    /// <summary>What the checkpoint of the settings takes.</summary>
    public required Func<Gemma3ServerOptions, ModelNeed> Need { get; init; }

    /// <summary>What a loaded model takes.</summary>
    public required Func<IModelRuntime, MemorySize> TakenBy { get; init; }

    /// <summary>Layers of a loaded model that are on the host, where there is a GPU; 0 without one.</summary>
    public Func<IModelRuntime, int> HostLayers { get; init; } = _ => 0;

    /// <summary>What is free beside loaded models that take so much.</summary>
    public required Func<MemorySize, MemorySize> Free { get; init; }

    /// <summary>Of loads that are as good as free, such as those of tests.</summary>
    public static RuntimeLoader Of(Func<CancellationToken, IModelRuntime> load) => new()
    {
        Load = (_, _, _, stopped) => load(stopped),
        LoadDraft = (_, _, _, stopped) => load(stopped),
        Need = _ => new(default, 0),
        TakenBy = _ => default,
        Free = _ => MemorySize.Unlimited,
    };
}
