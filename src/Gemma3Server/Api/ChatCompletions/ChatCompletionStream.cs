using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Turns the events of a request's generations into OpenAI's server-sent events.</summary>
/// <remarks>
/// 1. Until the prompt has been computed nothing leaves but comments, the first after a heartbeat: the place in the queue, or a sign of
///    life. A failure before that is still a plain HTTP error.
/// 2. The first chunk of each choice carries the role, then comes one chunk per text; chunks that are ready together leave in one write.
///    Where the request has tools, calls are told from text: a chunk with id and name, then chunks with pieces of the arguments.
/// 3. For each choice a chunk with its finish reason; after the last one the usage, if it was asked for, and <c>[DONE]</c>; after a failure
///    an error event instead.
/// </remarks>
internal sealed class ChatCompletionStream(
    HttpResponse response, ChatCompletionHead head, ParsedChat chat, GenerationMeasurements measurements, TokenText? texts, TimeProvider timeProvider)
{
    private readonly AnswerReader[] _answers = [.. Enumerable.Range(0, chat.Choices).Select(_ => new AnswerReader(chat.Tools))];
    private int _left = chat.Choices;

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
                measurements.Started(started);
                WriteChunk(writer, new(index, new() { Role = "assistant", Content = "" }, null, null));
                return false;
            case GenerationEvent.Text text:
                measurements.Generated(text.Tokens, index);
                foreach (var part in _answers[index].Append(text)) WritePart(writer, index, part);
                return false;
            case GenerationEvent.Finished finished:
                measurements.Finished(finished, index);
                foreach (var part in _answers[index].End()) WritePart(writer, index, part);
                WriteChunk(writer, new(index, new(), null, finished.Reason.ToWireName(_answers[index].HasCalled)));
                if (--_left > 0) return false;
                if (chat.IncludeUsage) WriteChunkWithUsage(writer, [], Usage.Of(measurements));
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

    private void WritePart(SseWriter writer, int index, AnswerPart part)
    {
        switch (part)
        {
            case AnswerPart.Content content:
                var logprobs = texts is null ? null : ChoiceLogprobs.Of(_answers[index].TakeLogProbs(), texts);
                WriteChunk(writer, new(index, new() { Content = content.Text }, logprobs, null));
                break;
            case AnswerPart.CallBegin call:
                WriteCall(new(call.Index, call.Id, "function", new(call.Name, "")));
                break;
            case AnswerPart.Arguments arguments:
                WriteCall(new(arguments.Index, null, null, new(null, arguments.Json)));
                break;
        }

        void WriteCall(ToolCallDelta delta) => WriteChunk(writer, new(index, new() { ToolCalls = [delta] }, null, null));
    }

    private void WriteChunk(SseWriter writer, ChatCompletionChunkChoice choice)
    {
        if (chat.IncludeUsage) WriteChunkWithUsage(writer, [choice], null);
        else
        {
            writer.WriteEvent(
                new ChatCompletionChunk
                {
                    Id = head.Id,
                    Created = head.Created,
                    Model = head.Model,
                    ServiceTier = head.ServiceTier,
                    SystemFingerprint = head.SystemFingerprint,
                    Choices = [choice],
                },
                OpenAiJsonContext.Default.ChatCompletionChunk);
        }
    }

    private void WriteChunkWithUsage(SseWriter writer, ChatCompletionChunkChoice[] choices, Usage? usage) => writer.WriteEvent(
        new ChatCompletionChunkWithUsage
        {
            Id = head.Id,
            Created = head.Created,
            Model = head.Model,
            ServiceTier = head.ServiceTier,
            SystemFingerprint = head.SystemFingerprint,
            Choices = choices,
            Usage = usage,
        },
        OpenAiJsonContext.Default.ChatCompletionChunkWithUsage);
}
