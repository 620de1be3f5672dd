using Gemma3Server.Engine.Caching;
using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Speculation;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Engine.Tests;

/// <summary>The engine below its thread: a test runs it step by step, and every step ends with a check of all invariants.</summary>
internal sealed class EngineHarness : IDisposable
{
    private readonly IModelRuntime _runtime;
    private readonly IModelRuntime? _draft;
    private readonly TimeProvider _clock;
    private readonly GrammarCache _grammars;
    private int _requests;

    public EngineHarness(
        FakeRuntimeOptions? runtime = null, EngineOptions? options = null, TimeProvider? clock = null, FakeRuntimeOptions? draft = null)
        : this(new FakeModelRuntime(runtime), options, clock, draft is null ? null : new FakeModelRuntime(draft))
    {
    }

    public EngineHarness(IModelRuntime runtime, EngineOptions? options = null, TimeProvider? clock = null, IModelRuntime? draft = null)
    {
        _draft = draft;
        options ??= new();
        _clock = clock ?? TimeProvider.System;
        _runtime = runtime;
        _grammars = new(runtime.Tokenizer);
        Cache = new(runtime, options, _clock);
        Scheduler = new(Cache, runtime.Limits, options);
        Metrics = new(() => Scheduler.RunningCount, () => Scheduler.WaitingCount);
        var speculator = new Speculator(runtime.Limits, runtime.Model.SlidingWindow, options, Scheduler.StepTokens, Cache.Capacity, draft is null ? null : new(draft, _clock));
        Cache.OnMoved = speculator.Move;
        Executor = new(runtime, Scheduler, Cache, speculator, new(), Metrics, _clock, NullLogger.Instance);
    }

    public FakeModelRuntime Runtime => (FakeModelRuntime)_runtime;

    public KvCache Cache { get; }

    public Scheduler Scheduler { get; }

    public StepExecutor Executor { get; }

    public EngineMetrics Metrics { get; }

    public Sequence Submit(GenerationRequest request)
    {
        var now = _clock.GetTimestamp();
        var deadline = request.Timeout is { } timeout ? now + (long)(timeout.TotalSeconds * _clock.TimestampFrequency) : long.MaxValue;
        var grammar = request.Grammar is { } definition ? _grammars.Get(definition, CancellationToken.None).Grammar : null;
        var sequence = new Sequence(request, _runtime.Tokenizer, _runtime.Limits.ContextLength, now, grammar) { Deadline = deadline };
        Scheduler.Add(sequence);
        return sequence;
    }

    public Sequence Submit(string prompt, int maxTokens, Func<GenerationRequest, GenerationRequest>? change = null)
    {
        var request = Requests.Greedy(prompt, maxTokens) with { Id = $"r{_requests++}" };
        return Submit(change is null ? request : change(request));
    }

    public void Step()
    {
        Executor.Step();
        Scheduler.CheckIntegrity();
    }

    public void RunToEnd(int limit = 100_000)
    {
        for (var steps = 0; !Scheduler.IsIdle; steps++)
        {
            Assert.True(steps < limit, "The engine makes no progress.");
            Step();
        }
    }

    /// <summary>Runs the whole request alone and returns what it generated.</summary>
    public static (int[] Tokens, List<GenerationEvent> Events) RunAlone(GenerationRequest request, FakeRuntimeOptions runtime)
    {
        using var harness = new EngineHarness(
            runtime with { SharedCells = 0, OnForward = null, RowsInMemory = null, LosesOnRewind = null, MaxSequences = 1 }, new() { PrefixReuse = false, Speculation = SpeculationMode.Off });
        var sequence = harness.Submit(request);
        harness.RunToEnd();
        return (sequence.Tokens[sequence.PromptLength..].ToArray(), sequence.Events());
    }

    public void Dispose()
    {
        Metrics.Dispose();
        _draft?.Dispose();
        _runtime.Dispose();
    }
}
