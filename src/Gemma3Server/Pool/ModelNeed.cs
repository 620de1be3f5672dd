namespace Gemma3Server.Pool;

/// <summary>What a model takes.</summary>
/// <param name="Usual">As it is configured; where that leaves the sizes open, with those below which nobody would want it.</param>
/// <param name="LeastBytes">As small as it can be made, on the host and GPUs together: layers that do not fit on a GPU are computed on the host.</param>
internal sealed record ModelNeed(MemorySize Usual, long LeastBytes);
