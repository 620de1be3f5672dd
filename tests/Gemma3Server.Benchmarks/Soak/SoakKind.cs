namespace Gemma3Server.Benchmarks.Soak;

/// <summary>What a soak's users do.</summary>
internal enum SoakKind
{
    /// <summary>The next turn of a conversation, answered whole.</summary>
    Turn,

    /// <summary>A stream read to its end.</summary>
    Stream,

    /// <summary>A prompt that takes much of the context.</summary>
    LongPrompt,

    /// <summary>A stream whose client leaves: at once, or after some text.</summary>
    Cancelled,

    /// <summary>A request that must be refused.</summary>
    Invalid,
}
