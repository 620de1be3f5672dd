using Gemma3Server.Engine.Diagnostics;

namespace Gemma3Server.Engine.Caching;

/// <summary>Says whether it is cheaper to copy a state to host memory and back, or to compute again what would be lost.</summary>
/// <remarks>
/// Both are measured where they happen anyway: every copy of a whole state tells the price of a byte, every step that mainly computes
/// prompts the price of a row. Before both are known, <see cref="PrefixSearch.CopyRate"/> stands in. Used by the engine loop alone.
/// </remarks>
internal sealed class PreemptionCost
{
    /// <summary>Weight of the newest measurement.</summary>
    private const double Newest = 0.1;

    /// <summary>What a refused copy takes from the price of the next, so that one measured on a bad day is measured again.</summary>
    private const double Forgiven = 0.02;

    /// <summary>Copies that are not weighed, in seconds: on a fast GPU, where a step takes five milliseconds, a pause of no more than a fifth.</summary>
    private const double Unnoticed = 0.001;

    private double _forgiveness = 1;
    private double _secondsPerByte;
    private double _secondsPerRow;

    /// <summary>Learns from one copy, out or back.</summary>
    public void ObserveCopy(long bytes, TimeSpan elapsed)
    {
        Learn(ref _secondsPerByte, elapsed.TotalSeconds / Math.Max(1, bytes));
        _forgiveness = 1;
    }

    /// <summary>Learns from a step; one that mainly decodes tells nothing about a prompt row.</summary>
    public void ObserveStep(int decodeRows, int prefillRows, TimeSpan elapsed)
    {
        if (prefillRows > decodeRows) Learn(ref _secondsPerRow, elapsed.TotalSeconds / (prefillRows + decodeRows));
    }

    /// <summary>Whether moving <paramref name="held"/> positions of <paramref name="bytes"/> out and back costs less than computing <paramref name="lost"/>.</summary>
    public bool SwapIsCheaper(int held, long bytes, int lost) => _secondsPerByte > 0 && _secondsPerRow > 0 && bytes > 0
        ? 2 * bytes * _secondsPerByte < lost * _secondsPerRow
        : 2 * held * PrefixSearch.CopyRate < lost;

    /// <summary>Seconds that computing so many prompt tokens takes; 0 = not known yet.</summary>
    public double ComputeSeconds(double tokens) => tokens * _secondsPerRow;

    /// <summary>
    /// Whether a copy of <paramref name="bytes"/>, for which all streams wait, costs less than what it saves: <paramref name="tokens"/>
    /// computed again, by the chance that anybody asks for them.
    /// </summary>
    public bool CopyPays(long bytes, double tokens)
    {
        var seconds = bytes * _secondsPerByte * _forgiveness;
        var pays = seconds < Unnoticed || _secondsPerRow == 0 || seconds < tokens * _secondsPerRow;
        if (!pays) _forgiveness *= 1 - Forgiven;
        return pays;
    }

    private static void Learn(ref double mean, double value)
    {
        if (value > 0) mean = FadingMean.With(mean, value, Newest);
    }
}
