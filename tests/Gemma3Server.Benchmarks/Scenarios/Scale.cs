namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Shrinks the scenarios' lengths, so that all of them can be run on a small machine.</summary>
/// <param name="Factor">1 = the lengths of the issue.</param>
internal sealed record Scale(double Factor)
{
    /// <summary>A length in tokens, at least <paramref name="least"/>.</summary>
    public int Of(int tokens, int least = 16) => Math.Max(least, (int)Math.Round(tokens * Factor));
}
