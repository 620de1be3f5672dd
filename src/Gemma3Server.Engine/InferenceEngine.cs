using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Engine.Embedding;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Runtime;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Engine;

/// <summary>
/// Runs generations of many clients on one model: admits requests into a bounded queue, schedules them step by step on its own thread, and
/// streams their events.
/// </summary>
/// <remarks>
/// All members are thread-safe. The runtime is created, used and disposed on the engine's own thread only. The loop never waits for a
/// reader: a slow or vanished reader costs the others nothing.
/// </remarks>
public sealed class InferenceEngine : IAsyncDisposable
{
    private static readonly TimeSpan LeastRetryAfter = TimeSpan.FromSeconds(1);

    // An estimate from token limits is an upper bound, often far above the truth; nobody shall be sent away for longer than this.
    private static readonly TimeSpan MostRetryAfter = TimeSpan.FromSeconds(60);

    // A load takes seconds to minutes and a restart as long: ask again soon, but not in a hurry.
    private static readonly TimeSpan UnavailableRetryAfter = TimeSpan.FromSeconds(5);

    private readonly EngineLoop _loop;
    private readonly EngineOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;

    /// <summary>Starts the loop thread, which calls <paramref name="load"/> and then serves.</summary>
    /// <param name="load">Loads the runtime; runs on the loop thread. A <see cref="ModelLoadException"/> ends the engine as failed.</param>
    /// <param name="options">Settings.</param>
    /// <param name="timeProvider">Clock for waiting-time estimates.</param>
    /// <param name="logger">Log of the engine.</param>
    public InferenceEngine(Func<IModelRuntime> load, EngineOptions options, TimeProvider timeProvider, ILogger<InferenceEngine> logger)
        : this(_ => load(), options, timeProvider, logger)
    {
    }

    /// <summary>Starts the loop thread, which calls <paramref name="load"/> and then serves.</summary>
    /// <param name="load">
    /// Loads the runtime; runs on the loop thread. Its token is cancelled when the engine is stopped while it loads: it then throws
    /// <see cref="OperationCanceledException"/> (any other exception is taken for the same), or finishes and is disposed. Otherwise a
    /// <see cref="ModelLoadException"/> ends the engine as failed.
    /// </param>
    /// <param name="options">Settings.</param>
    /// <param name="timeProvider">Clock for waiting-time estimates.</param>
    /// <param name="logger">Log of the engine.</param>
    /// <param name="loadDraft">
    /// Loads a smaller model of the same vocabulary that drafts for the loaded one it is given, as <paramref name="load"/> loads that and right
    /// after it; <see langword="null"/>, or nothing returned = none.
    /// </param>
    public InferenceEngine(
        Func<CancellationToken, IModelRuntime> load, EngineOptions options, TimeProvider timeProvider, ILogger<InferenceEngine> logger,
        Func<IModelRuntime, CancellationToken, IModelRuntime?>? loadDraft = null)
    {
        _options = options;
        _timeProvider = timeProvider;
        _logger = logger;
        _loop = new(load, options, timeProvider, logger, loadDraft);
        _loop.Start();
    }

    /// <summary>Where the engine is in its life.</summary>
    public EngineState State => _loop.Lifecycle.State;

    /// <summary>
    /// Completes when the model is loaded; faults with the reason when it could not be; is cancelled when the engine was stopped before.
    /// </summary>
    public Task Ready => _loop.Lifecycle.Ready;

    /// <summary>Completes, never faults, when the engine has ended for whatever reason; <see cref="State"/> then tells which.</summary>
    public Task Completion => _loop.Lifecycle.Ended;

    /// <summary>Why <see cref="State"/> is <see cref="EngineState.Failed"/>; else <see langword="null"/>.</summary>
    public Exception? Failure => _loop.Lifecycle.Failure;

    /// <summary>Facts about the model; <see langword="null"/> until loaded.</summary>
    public ModelInfo? Model => _loop.Model?.Info;

    /// <summary>The runtime's bounds; <see langword="null"/> until loaded.</summary>
    public RuntimeLimits? Limits => _loop.Model?.Limits;

    /// <summary>The model's tokenizer; <see langword="null"/> until loaded.</summary>
    public ITokenizer? Tokenizer => _loop.Model?.Tokenizer;

    /// <summary>Most requests that can be admitted together: those that may run and those that may wait; 0 until loaded.</summary>
    public int MostTogether => Limits is { } limits ? limits.MaxSequences + _options.QueueLimit : 0;

    /// <summary>Whether the runtime can embed texts; false until loaded.</summary>
    public bool CanEmbed => _loop.Model?.Embeds ?? false;

    /// <summary>
    /// Compiles a grammar on the caller's thread and keeps it for the requests that use it; returns what is wrong with it, or
    /// <see langword="null"/>. To be called when the model is loaded.
    /// </summary>
    public GrammarFault? CheckGrammar(GrammarDefinition definition, CancellationToken cancellationToken) =>
        _loop.Model is { } model
            ? model.Grammars.Get(definition, cancellationToken).Fault
            : throw new InvalidOperationException("A grammar was checked before the model was loaded.");

    /// <summary>Counters of this moment.</summary>
    public EngineStatistics Statistics => _loop.Metrics.Snapshot(_loop.RunningCount, _loop.WaitingCount);

    /// <summary>Whether running requests are not waited for any more.</summary>
    internal bool Aborting => _loop.Lifecycle.AbortRequested;

    /// <summary>
    /// Checks that scheduler, cache and runtime agree; the loop does so between two steps. The task faults with what is wrong, and is
    /// cancelled when the engine has ended. For soaks and tests: it looks at every sequence.
    /// </summary>
    internal Task CheckIntegrityAsync()
    {
        var answer = _loop.Checks.Ask();
        _loop.Inbox.Wake();
        return answer;
    }

    /// <summary>The loop's thread.</summary>
    internal Thread LoopThread => _loop.Thread;

    /// <summary>
    /// Admits a request and returns its events, or refuses it at once. Cancelling <paramref name="cancellationToken"/> (client gone), or
    /// disposing the enumerator, frees the sequence at the next step, whatever state it is in. A request whose events are never
    /// enumerated runs to its end all the same.
    /// </summary>
    public GenerationAdmission Generate(GenerationRequest request, CancellationToken cancellationToken) =>
        GenerateAll([request], cancellationToken)[0];

    /// <summary>
    /// Admits several requests together, in this order, or refuses all of them: each as <see cref="Generate"/> does. More than
    /// <see cref="MostTogether"/> are always refused.
    /// </summary>
    public IReadOnlyList<GenerationAdmission> GenerateAll(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        foreach (var request in requests) Check(request);
        if (State != EngineState.Ready || _loop.Model is not { } model) return Refused(RefuseUnavailable());

        var now = _timeProvider.GetTimestamp();
        var grammars = requests.Select(request => Compile(request, model, cancellationToken)).ToArray();
        var sequences = new Sequence[requests.Count];
        for (var i = 0; i < sequences.Length; i++)
        {
            sequences[i] = new(requests[i], model.Tokenizer, model.Limits.ContextLength, now, grammars[i])
            {
                Deadline = Deadline(now, requests[i].Timeout),
                Position = _loop.WaitingCount + 1 + i, // until the loop knows better
            };
            sequences[i].Bind(_loop.Inbox.NotifyCancelled, cancellationToken);
        }

        var admission = _loop.Inbox.Add(sequences, MostTogether, _loop.Ended);
        if (admission == Admission.Admitted)
            return Array.ConvertAll(sequences, sequence => GenerationAdmission.Accept(new GenerationStream(sequence), sequence));

        foreach (var sequence in sequences) sequence.Unbind();
        return Refused(admission == Admission.Full ? RefuseFull() : RefuseUnavailable());

        GenerationAdmission[] Refused(GenerationAdmission refusal) => [.. Enumerable.Repeat(refusal, requests.Count)];
    }

    /// <summary>
    /// Embeds texts: each becomes the mean of its tokens' hidden states, of length 1. It is computed chunk by chunk between the steps of
    /// generations, which go on meanwhile. Where <see cref="CanEmbed"/> is false it is refused. The task is cancelled with
    /// <paramref name="cancellationToken"/>, and what is left then is not computed.
    /// </summary>
    public Task<EmbeddingResult> EmbedAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(request.Inputs.Length);
        if (request.Timeout is { } timeout) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        if (State == EngineState.Ready && _loop.Model is { } model)
        {
            if (Array.Exists(request.Inputs, input => input.Length == 0 || input.Length > model.Limits.ContextLength))
                throw new ArgumentException("A text is empty or longer than the context.", nameof(request));
            var job = new EmbeddingJob(request, Deadline(_timeProvider.GetTimestamp(), request.Timeout));
            job.Bind(_loop.Inbox.Wake, cancellationToken);
            switch (_loop.Embeddings.Add(job, MostTogether))
            {
                case Admission.Admitted:
                    _loop.Inbox.Wake();
                    break;
                case Admission.Full:
                    var message = $"The server is busy: {_loop.Embeddings.Count} embedding requests are waiting.";
                    job.End(EmbeddingResult.Fail(GenerationError.QueueFull, message, LeastRetryAfter));
                    break;
                default:
                    job.End(Refused(RefuseUnavailable()));
                    break;
            }

            return job.Result;
        }

        return Task.FromResult(Refused(RefuseUnavailable()));

        static EmbeddingResult Refused(GenerationAdmission refusal) =>
            EmbeddingResult.Fail(refusal.Refusal!.Error, refusal.Refusal.Message, refusal.RetryAfter);
    }

    /// <summary>
    /// Refuses new requests, lets admitted ones finish for at most <paramref name="timeout"/>, fails the rest with
    /// <see cref="GenerationError.Draining"/>, disposes the runtime and ends the loop. The task never faults, and completes when the loop
    /// has ended: a load that is under way is told so through its token at once, a forward step is interrupted once the timeout has passed
    /// if the runtime is <see cref="IInterruptible"/>, and waited for if it is not. May be called again; the shortest timeout counts.
    /// </summary>
    public async Task StopAsync(TimeSpan timeout)
    {
        var lifecycle = _loop.Lifecycle;
        var wasServing = lifecycle.State == EngineState.Ready;
        _loop.BeginStop();
        if (wasServing && _loop.RunningCount + _loop.WaitingCount > 0) _logger.Draining(_loop.RunningCount, _loop.WaitingCount);

        if (!lifecycle.Ended.IsCompleted && (timeout > TimeSpan.Zero || timeout == Timeout.InfiniteTimeSpan))
        {
            using var ended = new CancellationTokenSource();
            var deadline = Task.Delay(timeout, _timeProvider, ended.Token);
            await Task.WhenAny(lifecycle.Ended, deadline).ConfigureAwait(false);
            await ended.CancelAsync().ConfigureAwait(false);
        }

        if (!lifecycle.Ended.IsCompleted) _loop.Abort();
        await lifecycle.Ended.ConfigureAwait(false);
        _loop.Dispose();
    }

    /// <summary>
    /// Fails all requests and ends the engine after a fault in native code, which holds the thread that met it for ever, be it the engine's
    /// own or one that used the tokenizer. Takes a second at most. The runtime is not disposed, since that would use what has just failed;
    /// the process should end soon.
    /// </summary>
    /// <param name="fault">What happened; becomes <see cref="Failure"/>.</param>
    public Task AbandonAsync(Exception fault) => _loop.AbandonAsync(fault);

    /// <summary>Stops without waiting for running requests.</summary>
    public ValueTask DisposeAsync() => new(StopAsync(TimeSpan.Zero));

    private static Grammar? Compile(GenerationRequest request, LoadedModel model, CancellationToken cancellationToken)
    {
        if (request.Grammar is not { } definition) return null;
        var (grammar, fault) = model.Grammars.Get(definition, cancellationToken);
        return grammar ?? throw new ArgumentException(fault!.Message, nameof(request));
    }

    private static void Check(GenerationRequest request)
    {
        ArgumentOutOfRangeException.ThrowIfZero(request.PromptTokens.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(request.MaxTokens, 1);
        if (request.Timeout is { } timeout) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        if (!Enum.IsDefined(request.Priority)) throw new ArgumentOutOfRangeException(nameof(request), request.Priority, "Unknown class.");
        if (Array.Exists(request.Stop, string.IsNullOrEmpty)) throw new ArgumentException("A stop string is empty.", nameof(request));
    }

    private long Deadline(long now, TimeSpan? timeout)
    {
        if (timeout is not { } time) return long.MaxValue;
        var ticks = time.TotalSeconds * _timeProvider.TimestampFrequency;
        return ticks < long.MaxValue - now ? now + (long)ticks : long.MaxValue;
    }

    private GenerationAdmission RefuseFull()
    {
        // All who wait are served first, one at each end; before the first end there is but the running requests' limits to go by.
        var perEnd = _loop.TimePerEnd;
        var next = perEnd > TimeSpan.Zero ? perEnd * (_loop.WaitingCount + 1) : _loop.TimeToNextEnd;
        var retryAfter = next < LeastRetryAfter ? LeastRetryAfter : next > MostRetryAfter ? MostRetryAfter : next;
        var message = $"The server is busy: {_loop.RunningCount} requests are running and {_loop.WaitingCount} are waiting.";
        return GenerationAdmission.Refuse(GenerationError.QueueFull, message, retryAfter);
    }

    private GenerationAdmission RefuseUnavailable() => State switch
    {
        EngineState.Loading or EngineState.Ready =>
            GenerationAdmission.Refuse(GenerationError.Loading, "The model is still loading.", UnavailableRetryAfter),
        EngineState.Failed =>
            GenerationAdmission.Refuse(GenerationError.RuntimeFailed, "The inference engine has failed.", UnavailableRetryAfter),
        _ => GenerationAdmission.Refuse(GenerationError.Draining, "The server is stopping.", UnavailableRetryAfter),
    };
}
