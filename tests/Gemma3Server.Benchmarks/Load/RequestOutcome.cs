namespace Gemma3Server.Benchmarks.Load;

/// <summary>What a user saw of one request.</summary>
/// <param name="Completed">Whether it was answered to its end.</param>
/// <param name="TimeToFirstToken">Seconds from sending to the first token.</param>
/// <param name="TimePerOutputToken">Seconds per token after the first; 0 where there is but one.</param>
internal sealed record RequestOutcome(bool Completed, double TimeToFirstToken, double TimePerOutputToken)
{
    /// <summary>Time per output token as the field counts it: the time after the first token over the tokens after the first.</summary>
    public static double PerToken(double seconds, int tokens) => tokens > 1 ? seconds / (tokens - 1) : 0;
}
