using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;

namespace Gemma3Server.Api;

/// <summary>Turns the events of a request's generations into OpenAI's server-sent events; those of several answers come mixed.</summary>
/// <remarks>
/// 1. Until a prompt has been computed nothing leaves but comments, the first after a heartbeat: the place in the queue, or a sign of life. A
///    failure before that is still a plain HTTP error.
/// 2. What an answer's events become is the business of the derived class; events that are ready together leave in one write.
/// 3. After the end of the last answer comes the usage, if it was asked for, and <c>[DONE]</c>; after a failure an error event instead.
/// </remarks>
internal abstract class AnswerStream(HttpResponse response, int answers, GenerationMeasurements measurements, TimeProvider timeProvider)
{
    private int _left = answers;

    /// <summary>What is measured of the request.</summary>
    protected GenerationMeasurements Measurements { get; } = measurements;

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
                Measurements.Failed(failure);
                await response.WriteErrorAsync(failure.ToOpenAiError());
                return;
            }

            await writer.StartAsync(cancellationToken);
            if (Write(generations.Current, writer)) break;
        }

        await writer.FlushAsync(cancellationToken);
    }

    /// <summary>An answer begins.</summary>
    protected abstract void Begin(SseWriter writer, int index, GenerationEvent.Started started);

    /// <summary>An answer goes on.</summary>
    protected abstract void Append(SseWriter writer, int index, GenerationEvent.Text text);

    /// <summary>An answer ends.</summary>
    protected abstract void End(SseWriter writer, int index, GenerationEvent.Finished finished);

    /// <summary>All answers have ended: writes the usage, if it was asked for.</summary>
    protected abstract void WriteUsage(SseWriter writer);

    /// <summary>Writes what an event means; true when it was the last.</summary>
    private bool Write(IndexedEvent next, SseWriter writer)
    {
        var index = next.Index;
        switch (next.Event)
        {
            // 2.
            case GenerationEvent.Started started:
                Begin(writer, index, started);
                return false;
            case GenerationEvent.Text text:
                Measurements.Generated(text.Tokens, index);
                Append(writer, index, text);
                return false;

            // 3.
            case GenerationEvent.Finished finished:
                Measurements.Finished(finished, index);
                End(writer, index, finished);
                if (--_left > 0) return false;
                WriteUsage(writer);
                writer.WriteDone();
                return true;
            case GenerationEvent.Failed failed:
                Measurements.Failed(failed);
                writer.WriteEvent(ErrorResponse.Of(failed.ToOpenAiError()), OpenAiJsonContext.Default.ErrorResponse);
                return true;
            default:
                throw new InvalidOperationException($"Unknown generation event {next.Event.GetType().Name}.");
        }
    }
}
