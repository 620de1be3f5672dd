namespace Gemma3Server.Hub;

/// <summary>Counts bytes and tells the progress a few times a second, with the rate of the last seconds.</summary>
internal sealed class TransferMeter(IPullProgress progress, TimeProvider time, PullPhase phase, long total)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>Samples that the rate is taken over: about ten seconds.</summary>
    private const int Samples = 40;

    private readonly Lock _gate = new();
    private readonly Queue<(long At, long Bytes)> _samples = new();
    private string _file = "";
    private long _bytes;

    /// <summary>Begins with a file, of which some bytes may be there already.</summary>
    public void Begin(string file, long there)
    {
        lock (_gate)
        {
            _file = file;
            _bytes += there;
            _samples.Clear();
            Report();
        }
    }

    /// <summary>Bytes have come; fewer than none where some must come again.</summary>
    public void Add(long bytes)
    {
        lock (_gate)
        {
            _bytes += bytes;
            if (bytes < 0) _samples.Clear();
            if (_samples.Count == 0 || _bytes == total || time.GetElapsedTime(_samples.Last().At) >= Interval) Report();
        }
    }

    private void Report()
    {
        var now = time.GetTimestamp();
        _samples.Enqueue((now, _bytes));
        if (_samples.Count > Samples) _samples.Dequeue();
        var (since, before) = _samples.Peek();
        var seconds = time.GetElapsedTime(since, now).TotalSeconds;
        var rate = seconds > 0 ? (_bytes - before) / seconds : 0;
        progress.Report(new(phase, _file, _bytes, total, rate, rate > 0 ? TimeSpan.FromSeconds((total - _bytes) / rate) : null));
    }
}
