namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>What is needed of one memory, by what it is for. Bytes.</summary>
public sealed record MemoryParts
{
    /// <summary>Weights of the layers, and of an output matrix of its own.</summary>
    public long Weights { get; init; }

    /// <summary>
    /// Token embeddings. Gemma 3 uses them as output matrix too: with that on a GPU they are in both memories, since the library looks up
    /// tokens on the host.
    /// </summary>
    public long TokenEmbeddings { get; init; }

    /// <summary>KV of the layers that see the whole context.</summary>
    public long GlobalKv { get; init; }

    /// <summary>KV of the sliding-window layers.</summary>
    public long WindowKv { get; init; }

    /// <summary>The compute buffer: activations of a micro-batch and its attention masks, or its logits, whichever is more.</summary>
    public long Compute { get; init; }

    /// <summary>The rows of logits that the library hands out: always on the host.</summary>
    public long Logits { get; init; }

    /// <summary>The projector for images.</summary>
    public long Projector { get; init; }

    /// <summary>What the library takes for itself: on a GPU the CUDA context with its kernels and work spaces, on the host the vocabulary.</summary>
    public long Overhead { get; init; }

    /// <summary>Weights of all kinds.</summary>
    public long AllWeights => Weights + TokenEmbeddings;

    /// <summary>KV of all layers.</summary>
    public long Kv => GlobalKv + WindowKv;

    /// <summary>All of it.</summary>
    public long Total => Weights + TokenEmbeddings + GlobalKv + WindowKv + Compute + Logits + Projector + Overhead;

    /// <summary>The parts with their names, in the order in which they are shown.</summary>
    public IReadOnlyList<(string Name, long Bytes)> Named =>
    [
        ("weights", Weights), ("token embeddings", TokenEmbeddings), ("global KV", GlobalKv), ("sliding-window KV", WindowKv),
        ("compute buffers", Compute), ("logits", Logits), ("projector", Projector), ("overhead", Overhead),
    ];
}
