using Gemma3Server.Responses;

namespace Gemma3Server.Api.Responses;

/// <summary>Writes the events of a response as server-sent events, each with its type as the event's name.</summary>
internal static class ResponseStream
{
    /// <param name="response">Where to.</param>
    /// <param name="run">The running response.</param>
    /// <param name="from">Sequence number of the first event to write.</param>
    /// <param name="timeProvider">Clock of the heartbeats.</param>
    /// <param name="cancellationToken">Fires when the client has gone.</param>
    public static async Task FollowAsync(HttpResponse response, ResponseRun run, int from, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        using var writer = new SseWriter(response);
        await writer.StartAsync(cancellationToken);
        var heartbeat = new Heartbeat(writer, () => run.QueuePosition, timeProvider);
        await using var events = run.Events.ReadAsync(from, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await heartbeat.WaitAsync(events.MoveNextAsync(), cancellationToken)) Write(writer, events.Current);
        await writer.FlushAsync(cancellationToken);
    }

    /// <summary>Writes events that are all there.</summary>
    public static async Task ReplayAsync(HttpResponse response, IEnumerable<ResponseEvent> events, CancellationToken cancellationToken)
    {
        using var writer = new SseWriter(response);
        await writer.StartAsync(cancellationToken);
        foreach (var told in events) Write(writer, told);
        await writer.FlushAsync(cancellationToken);
    }

    private static void Write(SseWriter writer, ResponseEvent told)
    {
        if (told is ResponseErrorEvent error) writer.WriteEvent(told.Type, error, OpenAiJsonContext.Default.ResponseErrorEvent);
        else writer.WriteEvent(told.Type, told, OpenAiJsonContext.Default.ResponseEvent);
    }
}
