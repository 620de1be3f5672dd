using System.Diagnostics.Metrics;

namespace Gemma3Server.Engine.Diagnostics;

/// <summary>The engine's counters, for <see cref="InferenceEngine.Statistics"/> and for the meter <c>Gemma3Server.Engine</c>.</summary>
/// <remarks>Written by the engine loop, read from any thread.</remarks>
internal sealed class EngineMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Gemma3Server.Engine";

    private readonly Meter _meter;
    private readonly Counter<long> _stepCounter;
    private readonly Counter<long> _promptCounter;
    private readonly Counter<long> _cachedCounter;
    private readonly Counter<long> _embeddingCounter;
    private readonly Counter<long> _completionCounter;
    private readonly Counter<long> _draftCounter;
    private readonly Counter<long> _acceptedCounter;
    private readonly Counter<long> _cancelledCounter;
    private readonly Counter<long> _preemptedCounter;
    private readonly Counter<long> _swappedCounter;
    private readonly Histogram<double> _timeToFirstToken;
    private readonly Histogram<double> _interTokenTime;
    private long _steps;
    private long _promptTokens;
    private long _cachedTokens;
    private long _completionTokens;
    private long _draftTokens;
    private long _acceptedTokens;
    private long _cancelled;
    private long _preempted;
    private long _swapped;

    /// <summary>Creates the instruments; the gauges ask the two functions, from any thread. The meter's tag <c>model</c> tells engines apart.</summary>
    public EngineMetrics(Func<int> running, Func<int> waiting, string model = "")
    {
        _meter = new(MeterName, version: null, [new("model", model)]);
        _meter.CreateObservableGauge("gemma3.requests.running", running, "{request}", "Requests that hold a sequence.");
        _meter.CreateObservableGauge("gemma3.requests.waiting", waiting, "{request}", "Requests that wait for a sequence.");
        _stepCounter = _meter.CreateCounter<long>("gemma3.steps", "{step}", "Forward steps.");
        _promptCounter = _meter.CreateCounter<long>("gemma3.tokens.prompt", "{token}", "Prompt tokens computed.");
        _cachedCounter = _meter.CreateCounter<long>("gemma3.tokens.cached", "{token}", "Prompt tokens taken from a cached prefix.");
        _embeddingCounter = _meter.CreateCounter<long>("gemma3.tokens.embedding", "{token}", "Tokens embedded.");
        _completionCounter = _meter.CreateCounter<long>("gemma3.tokens.completion", "{token}", "Tokens generated.");
        _draftCounter = _meter.CreateCounter<long>("gemma3.tokens.drafted", "{token}", "Draft tokens verified.");
        _acceptedCounter = _meter.CreateCounter<long>("gemma3.tokens.accepted", "{token}", "Draft tokens that held.");
        _cancelledCounter = _meter.CreateCounter<long>("gemma3.requests.cancelled", "{request}", "Requests whose client went away.");
        _preemptedCounter = _meter.CreateCounter<long>("gemma3.requests.preempted", "{request}", "Times a sequence gave up its cells.");
        _swappedCounter = _meter.CreateCounter<long>("gemma3.requests.swapped", "{request}", "Times a sequence was moved to host memory for that.");
        _timeToFirstToken = _meter.CreateHistogram<double>("gemma3.time_to_first_token", "s", "From arrival to the first token.");
        _interTokenTime = _meter.CreateHistogram<double>("gemma3.inter_token_time", "s", "Between two tokens of a generation.");
    }

    /// <summary>A snapshot of the counters.</summary>
    public EngineStatistics Snapshot(int running, int waiting) => new()
    {
        Running = running,
        Waiting = waiting,
        Steps = Interlocked.Read(ref _steps),
        PromptTokens = Interlocked.Read(ref _promptTokens),
        CachedTokens = Interlocked.Read(ref _cachedTokens),
        CompletionTokens = Interlocked.Read(ref _completionTokens),
        DraftTokens = Interlocked.Read(ref _draftTokens),
        AcceptedDraftTokens = Interlocked.Read(ref _acceptedTokens),
        Cancelled = Interlocked.Read(ref _cancelled),
        Preempted = Interlocked.Read(ref _preempted),
        Swapped = Interlocked.Read(ref _swapped),
    };

    public void Step() => Count(ref _steps, _stepCounter, 1);

    public void PromptTokens(int count) => Count(ref _promptTokens, _promptCounter, count);

    public void CachedTokens(int count) => Count(ref _cachedTokens, _cachedCounter, count);

    public void EmbeddingTokens(int count) => _embeddingCounter.Add(count);

    public void Token() => Count(ref _completionTokens, _completionCounter, 1);

    public void Drafted(int count, int accepted)
    {
        Count(ref _draftTokens, _draftCounter, count);
        Count(ref _acceptedTokens, _acceptedCounter, accepted);
    }

    public void Cancelled() => Count(ref _cancelled, _cancelledCounter, 1);

    /// <summary>A sequence gave up its cells; <paramref name="swapped"/> = its state went to host memory.</summary>
    public void Preempted(bool swapped)
    {
        Count(ref _preempted, _preemptedCounter, 1);
        Count(ref _swapped, _swappedCounter, swapped ? 1 : 0);
    }

    public void TimeToFirstToken(TimeSpan time) => _timeToFirstToken.Record(time.TotalSeconds);

    public void InterTokenTime(TimeSpan time) => _interTokenTime.Record(time.TotalSeconds);

    public void Dispose() => _meter.Dispose();

    private static void Count(ref long total, Counter<long> counter, int count)
    {
        if (count == 0) return;
        Interlocked.Add(ref total, count);
        counter.Add(count);
    }
}
