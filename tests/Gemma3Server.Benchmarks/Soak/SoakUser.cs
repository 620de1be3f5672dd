using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Cli;

namespace Gemma3Server.Benchmarks.Soak;

/// <summary>One client, who sends request after request over HTTP and checks every answer.</summary>
internal sealed class SoakUser(LocalServer server, SoakRequests requests, SoakReport report)
{
    /// <summary>The books are checked under load too, by every user after this many requests.</summary>
    private const int IntegrityInterval = 8;

    private const string Path = "v1/chat/completions";

    private readonly ChatCompletionsClient _client = new(server.Http);
    private int _sent;

    /// <summary>Sends requests as long as the lap goes on.</summary>
    public async Task RunAsync(SoakLap lap, CancellationToken cancellationToken)
    {
        while (lap.TryTake())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var kind = requests.NextKind();
            try
            {
                await SendAsync(kind, cancellationToken);
                if (++_sent % IntegrityInterval == 0) await server.Engine.CheckIntegrityAsync().WaitAsync(cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                report.Fault($"{kind}: {exception.Message}");
            }

            report.Count(kind);
        }
    }

    private Task SendAsync(SoakKind kind, CancellationToken cancellationToken) => kind switch
    {
        SoakKind.Turn => TurnAsync(requests.Turn(), cancellationToken),
        SoakKind.Stream => StreamAsync(requests.Short(), cancellationToken),
        SoakKind.LongPrompt => StreamAsync(requests.Long(), cancellationToken),
        SoakKind.Cancelled => LeaveAsync(requests.Short(), requests.Patience(), cancellationToken),
        _ => RefusedAsync(requests.Invalid(), cancellationToken),
    };

    private async Task TurnAsync(JsonObject body, CancellationToken cancellationToken)
    {
        using var response = await server.Http.PostAsJsonAsync(Path, body, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (response.StatusCode != HttpStatusCode.OK) throw new InvalidDataException($"{(int)response.StatusCode}: {text}");
        using var json = JsonDocument.Parse(text);
        requests.Answered(json.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString() ?? "");
        RequireTokens(body, json.RootElement.GetProperty("usage"));
    }

    private async Task StreamAsync(JsonObject body, CancellationToken cancellationToken)
    {
        JsonElement? usage = null;
        await foreach (var chunk in _client.StreamAsync(body, cancellationToken))
            if (chunk.TryGetProperty("usage", out var value) && value.ValueKind == JsonValueKind.Object) usage = value;
        RequireTokens(body, usage ?? throw new InvalidDataException("A stream ended without usage."));
    }

    /// <summary>Leaves after some pieces of text; without any, while the request is on its way, queued or in prefill.</summary>
    private async Task LeaveAsync(JsonObject body, int patience, CancellationToken cancellationToken)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await using var chunks = _client.StreamAsync(body, gone.Token).GetAsyncEnumerator(gone.Token);
            for (var read = 0; ; read++)
            {
                var next = chunks.MoveNextAsync();
                if (read == patience) await gone.CancelAsync();
                if (!await next) return; // the answer was shorter than the patience
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The client left: that is what it came for.
        }
    }

    private async Task RefusedAsync(string body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(new Uri(Path, UriKind.Relative), content, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (response.StatusCode != HttpStatusCode.BadRequest) throw new InvalidDataException($"{(int)response.StatusCode} instead of 400: {text}");
        using var json = JsonDocument.Parse(text);
        if (string.IsNullOrEmpty(json.RootElement.GetProperty("error").GetProperty("message").GetString()))
            throw new InvalidDataException($"A refusal without a message: {text}");
    }

    private static void RequireTokens(JsonObject body, JsonElement usage)
    {
        var (asked, given) = (body["max_tokens"]!.GetValue<int>(), usage.GetProperty("completion_tokens").GetInt32());
        if (asked != given) throw new InvalidDataException($"{given} tokens instead of {asked}.");
    }
}
