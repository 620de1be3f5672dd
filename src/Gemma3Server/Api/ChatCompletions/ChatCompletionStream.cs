using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Turns the events of one generation into OpenAI's server-sent events.</summary>
/// <remarks>
/// 1. Until the prompt has been computed nothing leaves but comments, the first after a heartbeat: the place in the queue, or a sign of
///    life. A failure before that is still a plain HTTP error.
/// 2. The first chunk carries the role, then one chunk per text; chunks that are ready together leave in one write.
/// 3. A chunk with the finish reason, the usage if it was asked for, and <c>[DONE]</c>; after a failure an error event instead.
/// </remarks>
internal sealed class ChatCompletionStream(
    HttpResponse response, ChatCompletionHead head, bool includeUsage, GenerationMeasurements measurements, TimeProvider timeProvider)
{
    /// <param name="admission">The admitted generation.</param>
    /// <param name="cancellationToken">Fires when the client has gone.</param>
    public async Task WriteAsync(GenerationAdmission admission, CancellationToken cancellationToken)
    {
        using var writer = new SseWriter(response);
        await using var reader = admission.Events!.GetAsyncEnumerator(cancellationToken);
        var heartbeat = new Heartbeat(writer, () => admission.QueuePosition, timeProvider);
        while (await heartbeat.WaitAsync(reader.MoveNextAsync(), cancellationToken))
        {
            // 1. Before anything has left, a failure keeps its status.
            if (reader.Current is GenerationEvent.Failed failure && !writer.HasStarted)
            {
                measurements.Outcome = failure.Error.ToString();
                await response.WriteErrorAsync(failure.ToOpenAiError());
                return;
            }

            await writer.StartAsync(cancellationToken);
            if (Write(reader.Current, writer)) break;
        }

        await writer.FlushAsync(cancellationToken);
    }

    /// <summary>Writes what an event means; true when it was the last.</summary>
    private bool Write(GenerationEvent current, SseWriter writer)
    {
        switch (current)
        {
            case GenerationEvent.Started started:
                measurements.Started(started);
                WriteChunk(writer, new() { Role = "assistant", Content = "" });
                return false;
            case GenerationEvent.Text text:
                measurements.Generated(text.Tokens);
                WriteChunk(writer, new() { Content = text.Value });
                return false;
            case GenerationEvent.Finished finished:
                measurements.Generated(finished.CompletionTokens);
                measurements.Outcome = finished.Reason.ToWireName();
                WriteChunk(writer, new(), measurements.Outcome);
                if (includeUsage) WriteUsage(writer);
                writer.WriteDone();
                return true;
            case GenerationEvent.Failed failed:
                measurements.Outcome = failed.Error.ToString();
                writer.WriteEvent(ErrorResponse.Of(failed.ToOpenAiError()), OpenAiJsonContext.Default.ErrorResponse);
                return true;
            default:
                throw new InvalidOperationException($"Unknown generation event {current.GetType().Name}.");
        }
    }

    private void WriteChunk(SseWriter writer, ChatCompletionDelta delta, string? finishReason = null)
    {
        ChatCompletionChunkChoice[] choices = [new(0, delta, null, finishReason)];
        if (includeUsage) WriteChunkWithUsage(writer, choices, null);
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
                    Choices = choices,
                },
                OpenAiJsonContext.Default.ChatCompletionChunk);
        }
    }

    private void WriteUsage(SseWriter writer) => WriteChunkWithUsage(writer, [], Usage.Of(measurements));

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
