using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Pocket.Model;

/// <summary>The shape of the pocket model, tuned to what two CPU cores can train in about an hour.</summary>
internal static class PocketShape
{
    /// <summary>Every so many layers one attends to everything; llama.cpp takes the pattern from the architecture.</summary>
    public const int GlobalEvery = 6;

    /// <summary>The shape with as many tokens as the vocabulary has.</summary>
    public static GemmaShape Of(int vocabulary) => new()
    {
        Name = "pocket",
        SizeLabel = "3.7M",
        LayerCount = 8,
        EmbeddingLength = 192,
        FeedForwardLength = 576,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadLength = 32,
        SlidingWindow = 128,
        ContextLength = 2048,
        VocabularySize = vocabulary,
    };

    /// <summary>Whether a layer attends to everything before a token and not to a window only.</summary>
    public static bool IsGlobal(int layer) => layer % GlobalEvery == GlobalEvery - 1;
}
