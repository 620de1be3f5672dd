using System.Diagnostics;

namespace Gemma3Server.Cli.Bench;

/// <summary>When one benchmarked stream was sent, and when its tokens came; all times are stopwatch ticks.</summary>
internal sealed class StreamTimeline
{
    private readonly List<(long Time, int Tokens)> _arrivals = [];

    public StreamTimeline() => Sent = Stopwatch.GetTimestamp();

    public long Sent { get; }

    public long FirstToken => _arrivals.Count > 0 ? _arrivals[0].Time : 0;

    public long LastToken => _arrivals.Count > 0 ? _arrivals[^1].Time : 0;

    public int Tokens { get; private set; }

    public int PromptTokens { get; set; }

    /// <summary>Notes that <paramref name="tokens"/> tokens in all have arrived by now.</summary>
    public void Arrived(int tokens)
    {
        Tokens = tokens;
        _arrivals.Add((Stopwatch.GetTimestamp(), tokens));
    }

    /// <summary>Notes one more piece of text, counted as one token.</summary>
    public void ArrivedOne() => Arrived(Tokens + 1);

    /// <summary>Spreads the true number of tokens evenly over the noted pieces, where pieces were counted as one token each.</summary>
    public void Correct(int tokens)
    {
        if (Tokens == tokens || Tokens == 0) return;
        for (var i = 0; i < _arrivals.Count; i++)
        {
            var scaled = (int)Math.Round((double)_arrivals[i].Tokens * tokens / Tokens);
            _arrivals[i] = (_arrivals[i].Time, scaled);
        }

        Tokens = tokens;
    }

    /// <summary>Tokens that had arrived by <paramref name="time"/>.</summary>
    public int TokensAt(long time)
    {
        var tokens = 0;
        foreach (var arrival in _arrivals)
        {
            if (arrival.Time > time) break;
            tokens = arrival.Tokens;
        }

        return tokens;
    }

    /// <summary>Seconds between one arrival and the next.</summary>
    public IEnumerable<double> Gaps() => _arrivals.Zip(_arrivals.Skip(1), (a, b) => Stopwatch.GetElapsedTime(a.Time, b.Time).TotalSeconds);

    /// <summary>Seconds between arrivals, for the gaps that end after <paramref name="from"/> and begin before <paramref name="to"/>.</summary>
    public IEnumerable<double> GapsAcross(long from, long to) => _arrivals.Zip(_arrivals.Skip(1))
        .Where(pair => pair.Second.Time > from && pair.First.Time < to)
        .Select(pair => Stopwatch.GetElapsedTime(pair.First.Time, pair.Second.Time).TotalSeconds);

    /// <summary>Seconds from sending to the first token.</summary>
    public double TimeToFirstToken => Stopwatch.GetElapsedTime(Sent, FirstToken).TotalSeconds;
}
