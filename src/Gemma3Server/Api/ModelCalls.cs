using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;

namespace Gemma3Server.Api;

/// <summary>What all endpoints do that need a model: read the request as far as it says which, and get hold of that model.</summary>
/// <remarks>
/// 1. Refuse while the server stops, before the body is read; read it and the headers.
/// 2. Find the model that is named.
/// 3. Wait until it is loaded. A request for a stream gets comments meanwhile, the first after a heartbeat; a failure before that is still a
///    plain HTTP error.
/// </remarks>
internal sealed class ModelCalls(ModelPool pool, ModelDirectory directory, TimeProvider timeProvider)
{
    /// <summary>The call; null when the request has been answered with a refusal.</summary>
    public async Task<ModelCall?> OpenAsync(HttpContext context)
    {
        var (call, error) = await TryOpenAsync(context);
        if (error is not null) await context.Response.WriteErrorAsync(error);
        return call;
    }

    private async Task<(ModelCall? Call, OpenAiError? Error)> TryOpenAsync(HttpContext context)
    {
        // 1. State, headers and body.
        if (pool.IsStopping) return (null, PoolErrors.Draining);
        var (body, error) = await JsonPost.ReadAsync(context);
        if (error is not null || !ChatHeaders.TryRead(context.Request.Headers, out var headers, out error)) return (null, error);

        // 2. Model.
        if (!TryReadName(body, out var name, out error) || !KeepAlive.TryRead(body.TryGetProperty(KeepAlive.Field, out var field) ? field : null, out var keepAlive, out error)) return (null, error);
        if (!directory.TryFind(name, out var model, out error)) return (null, error);

        // 3. Lease.
        var began = timeProvider.GetTimestamp();
        (var lease, error) = await AcquireAsync(context, body, model, headers.Timeout);
        if (lease is null) return (null, error);
        if (headers.Timeout is { } timeout)
        {
            var left = timeout - timeProvider.GetElapsedTime(began);
            headers = headers with { Timeout = left > TimeSpan.Zero ? left : TimeSpan.FromTicks(1) };
        }

        if (keepAlive is not null && pool.StatusOf(model).IsPinned)
        {
            var ignored = new IgnoredParameters();
            ignored.Add(KeepAlive.Field); // it stays anyway
            if (headers.Strict)
            {
                lease.Dispose();
                return (null, ignored.Refusal);
            }

            context.Response.NameIgnored(ignored.Names);
        }

        if (headers.Deterministic && IsGeneration(context) && ((ModelSession)lease.Instance).Engine.Limits is { SharedCells: true })
        {
            lease.Dispose();
            return (null, ChatHeaders.SharedCells);
        }

        lease.KeepAlive = keepAlive;
        GenerationMeasurements.Of(context).Model = model.Id;
        return (new(lease, body, headers), null);
    }

    private async Task<(ModelLease? Lease, OpenAiError? Error)> AcquireAsync(HttpContext context, JsonElement body, ServedModel model, TimeSpan? timeout)
    {
        var aborted = context.RequestAborted;
        using var overdue = timeout is { } time ? new CancellationTokenSource(time, timeProvider) : new();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(aborted, overdue.Token);
        var acquiring = pool.AcquireAsync(model, either.Token);
        try
        {
            if (!acquiring.IsCompleted && IsStream(context, body))
            {
                using var writer = new SseWriter(context.Response);
                var heartbeat = new Heartbeat(writer, stream => stream.WriteComment($"loading {model.Id}: {pool.DescribeWait(model)}"), timeProvider);
                await heartbeat.WaitAsync(new ValueTask<bool>(IsAcquiredAsync(acquiring)), aborted);
            }

            return await acquiring;
        }
        catch (Exception exception)
        {
            // The client has gone, its time is up, or a comment could not be written; the lease may have come at the last moment all the same.
            await either.CancelAsync();
            await ((Task)acquiring).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (acquiring.IsCompletedSuccessfully) (await acquiring).Lease?.Dispose();
            if (exception is not OperationCanceledException || aborted.IsCancellationRequested) throw;
            return (null, OpenAiError.Overdue("The request's time was up before its model was loaded."));
        }
    }

    private static async Task<bool> IsAcquiredAsync(Task<(ModelLease? Lease, OpenAiError? Error)> acquiring) => (await acquiring).Lease is not null;

    private static bool IsStream(HttpContext context, JsonElement body) =>
        IsGeneration(context) && body.TryGetProperty("stream", out var stream) && stream.ValueKind == JsonValueKind.True;

    /// <summary>Whether the model is to say something: what it only reads or counts is the same anyway, and comes whole.</summary>
    private static bool IsGeneration(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<GenerationRoute>() is { Event: not null };

    private static bool TryReadName(JsonElement body, out string? name, out OpenAiError? error)
    {
        (name, error) = (null, null);
        if (!body.TryGetProperty("model", out var value) || value.IsNull()) return true;
        if (!value.TryGetText(out name)) error = OpenAiError.WrongType("model", "a string", value.Describe());
        return error is null;
    }
}
