using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;

namespace Gemma3Server.Responses;

/// <summary>A response that is being generated; it goes on whoever watches.</summary>
/// <remarks>
/// 1. <see cref="RunAsync"/> turns the engine's events into those of the protocol, which any number of readers follow in <see cref="Events"/>.
/// 2. When it ends, the stored response is brought up to date first, so that whoever has seen the last event can continue the response.
/// </remarks>
internal sealed partial class ResponseRun
{
    private readonly GenerationAdmission _admission;
    private readonly GenerationMeasurements _measurements;
    private readonly ResponseStore _store;
    private readonly TokenText? _texts;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly ResponseNarrator _narrator;
    private readonly AnswerReader _answer;
    private readonly List<ResponseDelta> _deltas = [];
    private readonly List<ResponseEvent> _held = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _hold;
    private bool _started;

    /// <param name="parsed">What is asked for.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="admission">The admitted generation.</param>
    /// <param name="measurements">Filled by the run.</param>
    /// <param name="store">Where a response that is to be stored stands already.</param>
    /// <param name="texts">How tokens are shown; null when no log-probabilities are asked for.</param>
    /// <param name="timeProvider">Clock.</param>
    /// <param name="logger">Log of the run.</param>
    public ResponseRun(
        ParsedResponse parsed, string owner, GenerationAdmission admission, GenerationMeasurements measurements, ResponseStore store, TokenText? texts,
        TimeProvider timeProvider, ILogger logger)
    {
        (Owner, _admission, _measurements, _store, _texts, _timeProvider, _logger) = (owner, admission, measurements, store, texts, timeProvider, logger);
        _answer = new(parsed.Tools);
        _narrator = new(parsed.Body, told =>
        {
            if (_hold) _held.Add(told);
            else Events.Add(told);
        });
    }

    public string Id => Body.Id;

    public string Owner { get; }

    /// <summary>The response as it stands.</summary>
    public ResponseBody Body => _narrator.Body;

    /// <summary>All events from the first; complete when the run has ended.</summary>
    public EventLog<ResponseEvent> Events { get; } = new();

    /// <summary>Completes, never faults, when the run has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Why it failed; null unless it did.</summary>
    public GenerationEvent.Failed? Failure { get; private set; }

    /// <summary>Its place in the queue, 1 = next; 0 when it does not wait.</summary>
    public int QueuePosition => _admission.QueuePosition;

    /// <summary>Runs to the end; never faults.</summary>
    /// <param name="cancelled">Fires when the response is cancelled, or the client of one that is not in the background has gone.</param>
    public async Task RunAsync(CancellationToken cancelled)
    {
        _narrator.Begin();
        ResponseEnding ending;
        try
        {
            ending = await GenerateAsync(cancelled);
        }
        catch (OperationCanceledException)
        {
            ending = new(ResponseStatus.Cancelled, Usage());
        }
        catch (Exception exception)
        {
            LogUnexpected(exception, Id);
            Failure = new(GenerationError.RuntimeFailed, "The server met an unexpected error; its log has the details.");
            ending = new(ResponseStatus.Failed, Usage(), Error: ResponseErrorBody.Server(Failure.Message));
        }

        _hold = true;
        _narrator.End(ending);
        if (Body.Store) await SaveAsync();
        foreach (var held in _held) Events.Add(held);
        Events.Complete();
        LogEnded(Body.Background ? LogLevel.Information : LogLevel.Debug, Id, Body.Status, _measurements.PromptTokens, _measurements.CompletionTokens);
        _ended.SetResult();
    }

    private async Task<ResponseEnding> GenerateAsync(CancellationToken cancelled)
    {
        await foreach (var current in _admission.Events!.WithCancellation(cancelled))
        {
            switch (current)
            {
                case GenerationEvent.Started started:
                    _measurements.Started(started);
                    _started = true;
                    _narrator.Start();
                    break;
                case GenerationEvent.Text text:
                    _measurements.Generated(text.Tokens);
                    Tell(_answer.Append(text));
                    break;
                case GenerationEvent.Finished finished:
                    Tell(_answer.End());
                    _measurements.Finished(finished);
                    return finished.Reason == FinishReason.Stop
                        ? new(ResponseStatus.Completed, Usage(), CompletedAt: _timeProvider.GetUtcNow().ToUnixTimeSeconds())
                        : new(ResponseStatus.Incomplete, Usage(), Details: new("max_output_tokens"));
                case GenerationEvent.Failed failed:
                    _measurements.Failed(failed);
                    Failure = failed;
                    return new(ResponseStatus.Failed, Usage(), Error: ResponseErrorBody.Server(failed.Message));
            }
        }

        // Events that end without an outcome: the generation was cancelled.
        return new(ResponseStatus.Cancelled, Usage());
    }

    private void Tell(IReadOnlyList<AnswerPart> parts)
    {
        foreach (var part in parts)
        {
            var delta = part switch
            {
                AnswerPart.Content content => new ResponseDelta(
                    content.Text, _texts is null ? null : [.. _answer.TakeLogProbs().Select(token => ContentLogprob.Of(token, _texts))]),
                AnswerPart.CallBegin call => new ResponseDelta("", Call: call.Index, CallId: call.Id, Name: call.Name),
                AnswerPart.Arguments arguments => new ResponseDelta(arguments.Json, Call: arguments.Index),
                _ => null,
            };
            if (delta is null) continue;
            _deltas.Add(delta);
            _narrator.Append(delta);
        }
    }

    private ResponseUsage? Usage() => _started ? ResponseUsage.Of(_measurements) : null;

    private async Task SaveAsync()
    {
        try
        {
            await _store.EndAsync(Body, _deltas);
        }
        catch (StorageException exception)
        {
            // The answer is not lost for who waits for it.
            LogNotSaved(Id, exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "{ResponseId} met an unexpected error")]
    private partial void LogUnexpected(Exception exception, string responseId);

    [LoggerMessage(LogLevel.Error, "{ResponseId} has ended, but its end could not be stored: {Reason}")]
    private partial void LogNotSaved(string responseId, string reason);

    [LoggerMessage("{ResponseId} is {Status}: {PromptTokens} prompt tokens, {CompletionTokens} completion tokens")]
    private partial void LogEnded(LogLevel level, string responseId, string status, int promptTokens, int completionTokens);
}
