namespace Gemma3Server.Hub;

/// <summary>How far a pull is.</summary>
/// <param name="Phase">What it does.</param>
/// <param name="File">With which file.</param>
/// <param name="Bytes">Bytes of the phase that are done: over all files while downloading, of this one while verifying.</param>
/// <param name="Total">All bytes of the phase; 0 = not known.</param>
/// <param name="BytesPerSecond">The rate of the last seconds; 0 = not known yet.</param>
/// <param name="Left">The time left at this rate; null = not known.</param>
internal sealed record PullStatus(PullPhase Phase, string File, long Bytes, long Total, double BytesPerSecond, TimeSpan? Left);
