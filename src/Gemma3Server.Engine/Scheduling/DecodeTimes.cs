namespace Gemma3Server.Engine.Scheduling;

/// <summary>How long a step takes that only decodes, measured for each number of sequences.</summary>
/// <remarks>On a CPU it nearly grows with their number, on a GPU hardly, so no formula is assumed. Used by the engine loop alone.</remarks>
internal sealed class DecodeTimes(int sequences)
{
    /// <summary>Weight of the newest step.</summary>
    private const double Newest = 0.05;

    /// <summary>How many times the mean a step counts for at most: a checkpoint, a page fault or another process is no rule.</summary>
    private const double Outlier = 3;

    /// <summary>Steps of a kind of which the fastest counts, before a mean can: the first ones warm up.</summary>
    private const int WarmUp = 4;

    private readonly double[] _means = new double[sequences + 1];
    private readonly int[] _steps = new int[sequences + 1];

    /// <summary>Learns from a step of so many sequences.</summary>
    public void Observe(int decoding, double seconds)
    {
        if (decoding <= 0 || decoding >= _means.Length) return;
        ref var mean = ref _means[decoding];
        var steps = ++_steps[decoding];
        if (steps == 1) mean = seconds;
        else if (steps <= WarmUp) mean = Math.Min(mean, seconds);
        else mean = ((1 - Newest) * mean) + (Newest * Math.Min(seconds, Outlier * mean));
        if (steps == int.MaxValue) _steps[decoding] = WarmUp + 1;
    }

    /// <summary>Whether steps of so many sequences have been measured, and often enough for a mean.</summary>
    public bool Knows(int decoding) => decoding < _steps.Length && _steps[decoding] >= WarmUp;

    /// <summary>Seconds of a step of so many sequences, or of the nearest number that is known; 0 = nothing is known.</summary>
    public double Seconds(int decoding)
    {
        for (var distance = 0; distance < _means.Length; distance++)
        {
            if (decoding - distance > 0 && decoding - distance < _means.Length && _means[decoding - distance] > 0) return _means[decoding - distance];
            if (decoding + distance < _means.Length && _means[decoding + distance] > 0) return _means[decoding + distance];
        }

        return 0;
    }
}
