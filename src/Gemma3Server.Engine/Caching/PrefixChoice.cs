namespace Gemma3Server.Engine.Caching;

/// <summary>A way to begin with tokens that are computed already.</summary>
/// <param name="Source">Which way.</param>
/// <param name="Length">Tokens that are there then; less than the sequence has.</param>
/// <param name="Net">What it saves, less what it costs in copies and in what others lose, in tokens to compute.</param>
/// <param name="Holder">The id to take over or to fork from.</param>
/// <param name="Host">The snapshot to restore.</param>
/// <param name="Checkpoint">The sliding-window layers to put on top; <see langword="null"/> where the holder's own are still good.</param>
internal readonly record struct PrefixChoice(
    CacheSource Source, int Length, double Net, CacheEntry? Holder = null, RadixNode? Host = null, RadixNode? Checkpoint = null);
