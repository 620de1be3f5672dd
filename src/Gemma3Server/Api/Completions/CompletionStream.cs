using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Completions;

/// <summary>Turns the events of a request's generations into OpenAI's server-sent events; those of several answers come mixed.</summary>
/// <remarks>
/// 1. Until a prompt has been computed nothing leaves but comments, the first after a heartbeat. A failure before that is still a plain HTTP
///    error.
/// 2. Each answer begins with its prompt, where that is echoed; then comes one event per text.
/// 3. For each answer an event with its finish reason; after the last one the usage, if it was asked for, and <c>[DONE]</c>; after a failure
///    an error event instead.
/// </remarks>
internal sealed class CompletionStream(
    HttpResponse response, CompletionHead head, ParsedCompletion completion, GenerationMeasurements measurements, TokenText? texts, TimeProvider timeProvider)
{
    private readonly CompletionUsage _usage = new(completion, measurements);
    private readonly LogprobsWriter?[] _logprobs = [.. completion.Requests.Select(_ => texts is null ? null : new LogprobsWriter(texts))];
    private int _left = completion.Requests.Count;

    /// <param name="generations">The admitted generations.</param>
    /// <param name="cancellationToken">Fires when the client has gone.</param>
    public async Task WriteAsync(GenerationGroup generations, CancellationToken cancellationToken)
    {
        using var writer = new SseWriter(response);
        var heartbeat = new Heartbeat(writer, () => generations.QueuePosition, timeProvider);
        while (await heartbeat.WaitAsync(generations.MoveNextAsync(cancellationToken), cancellationToken))
        {
            // 1. Before anything has left, a failure keeps its status.
            if (generations.Current.Event is GenerationEvent.Failed failure && !writer.HasStarted)
            {
                measurements.Failed(failure);
                await response.WriteErrorAsync(failure.ToOpenAiError());
                return;
            }

            await writer.StartAsync(cancellationToken);
            if (Write(generations.Current, writer)) break;
        }

        await writer.FlushAsync(cancellationToken);
    }

    /// <summary>Writes what an event means; true when it was the last.</summary>
    private bool Write(IndexedEvent next, SseWriter writer)
    {
        var index = next.Index;
        switch (next.Event)
        {
            case GenerationEvent.Started started:
                _usage.Started(started, index);
                if (completion.EchoOf(index) is { Length: > 0 } echo) WriteEvent(writer, new(echo, index, null, null));
                return false;
            case GenerationEvent.Text text:
                measurements.Generated(text.Tokens, index);
                WriteEvent(writer, new(text.Value, index, _logprobs[index]?.Next(text.LogProbs), null));
                return false;
            case GenerationEvent.Finished finished:
                measurements.Finished(finished, index);
                WriteEvent(writer, new("", index, null, finished.Reason.ToWireName()));
                if (--_left > 0) return false;
                if (completion.IncludeUsage) writer.WriteEvent(head.Body(_usage.Total()), OpenAiJsonContext.Default.CompletionBodyWithUsage);
                writer.WriteDone();
                return true;
            case GenerationEvent.Failed failed:
                measurements.Failed(failed);
                writer.WriteEvent(ErrorResponse.Of(failed.ToOpenAiError()), OpenAiJsonContext.Default.ErrorResponse);
                return true;
            default:
                throw new InvalidOperationException($"Unknown generation event {next.Event.GetType().Name}.");
        }
    }

    private void WriteEvent(SseWriter writer, CompletionChoice choice)
    {
        if (completion.IncludeUsage) writer.WriteEvent(head.Body(usage: null, choice), OpenAiJsonContext.Default.CompletionBodyWithUsage);
        else writer.WriteEvent(head.Body(choice), OpenAiJsonContext.Default.CompletionBody);
    }
}
