using System.Diagnostics;

namespace Gemma3Server.Cli.Bench;

/// <summary>What one round of N simultaneous streams measured.</summary>
/// <param name="Streams">Number of streams.</param>
/// <param name="DecodeTokensPerSecond">
/// Tokens of all streams per second of steady decode: from the moment the last stream has its first token until the first stream ends, so
/// that prefill and the uneven tail stay out.
/// </param>
/// <param name="TimeToFirstToken">Seconds, one value a stream.</param>
/// <param name="InterTokenLatency">Seconds, one value a gap.</param>
internal sealed record LoadResult(int Streams, double DecodeTokensPerSecond, double[] TimeToFirstToken, double[] InterTokenLatency)
{
    /// <summary>Prompt tokens of all streams per second until the last of them has its first token; NaN where that is not known.</summary>
    public double PrefillTokensPerSecond { get; init; } = double.NaN;

    public static LoadResult From(IReadOnlyList<StreamTimeline> streams)
    {
        var start = streams.Max(s => s.FirstToken);
        var end = streams.Min(s => s.LastToken);
        var tokens = streams.Sum(s => s.TokensAt(end) - s.TokensAt(start));
        var seconds = Stopwatch.GetElapsedTime(start, end).TotalSeconds;
        return new(
            streams.Count,
            seconds > 0 ? tokens / seconds : double.NaN,
            [.. streams.Select(s => s.TimeToFirstToken)],
            [.. streams.SelectMany(s => s.Gaps())])
        {
            PrefillTokensPerSecond = streams.Sum(s => s.PromptTokens) / streams.Max(s => s.TimeToFirstToken),
        };
    }
}
