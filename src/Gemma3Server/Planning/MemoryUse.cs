using Gemma3Server.Runtime.LlamaCpp.Planning;

namespace Gemma3Server.Planning;

/// <summary>What a plan takes of one memory, in bytes.</summary>
internal sealed record MemoryUse
{
    /// <summary>Weights of the layers.</summary>
    public required long Weights { get; init; }

    /// <summary>Token embeddings, which are the output matrix too: with a GPU they are in both memories.</summary>
    public required long TokenEmbeddings { get; init; }

    /// <summary>KV of the layers that see the whole context.</summary>
    public required long GlobalKv { get; init; }

    /// <summary>KV of the sliding-window layers.</summary>
    public required long SlidingWindowKv { get; init; }

    /// <summary>Activations, masks and logits of a micro-batch.</summary>
    public required long ComputeBuffers { get; init; }

    /// <summary>Logits that are handed out.</summary>
    public required long Logits { get; init; }

    /// <summary>The projector for images.</summary>
    public required long Projector { get; init; }

    /// <summary>On a GPU the CUDA context, on the host the library's vocabulary.</summary>
    public required long Overhead { get; init; }

    /// <summary>All that the draft model takes; absent without one.</summary>
    public long? DraftModel { get; init; }

    /// <summary>All of it.</summary>
    public required long Total { get; init; }

    /// <summary>What is left; absent where the memory was taken to be as large as needed.</summary>
    public long? Free { get; init; }

    public static MemoryUse Of(MemoryParts parts, long? draft, long? available) => new()
    {
        Weights = parts.Weights,
        TokenEmbeddings = parts.TokenEmbeddings,
        GlobalKv = parts.GlobalKv,
        SlidingWindowKv = parts.WindowKv,
        ComputeBuffers = parts.Compute,
        Logits = parts.Logits,
        Projector = parts.Projector,
        Overhead = parts.Overhead,
        DraftModel = draft,
        Total = parts.Total + (draft ?? 0),
        Free = available - parts.Total - (draft ?? 0),
    };

    /// <summary>The parts by the names that people see.</summary>
    public IEnumerable<(string Name, long Bytes)> Parts() =>
    [
        ("weights", Weights), ("token embeddings", TokenEmbeddings), ("global KV", GlobalKv), ("sliding-window KV", SlidingWindowKv),
        ("compute buffers", ComputeBuffers), ("logits", Logits), ("projector", Projector), ("overhead", Overhead),
        .. DraftModel is { } draft ? [("draft model", draft)] : Array.Empty<(string, long)>(), ("in all", Total),
    ];
}
