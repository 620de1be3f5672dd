using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Engine;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Completions;

/// <summary>Streams completions: each begins with its prompt, where that is echoed; then comes an event per text and one with the finish reason.</summary>
internal sealed class CompletionStream(
    HttpResponse response, CompletionHead head, ParsedCompletion completion, GenerationMeasurements measurements, TokenText? texts, TimeProvider timeProvider)
    : AnswerStream(response, completion.Requests.Count, measurements, timeProvider)
{
    private readonly CompletionUsage _usage = new(completion, measurements);
    private readonly LogprobsWriter?[] _logprobs = [.. completion.Requests.Select(_ => texts is null ? null : new LogprobsWriter(texts))];

    protected override void Begin(SseWriter writer, int index, GenerationEvent.Started started)
    {
        _usage.Started(started, index);
        if (completion.EchoOf(index) is { Length: > 0 } echo) WriteEvent(writer, new(echo, index, null, null));
    }

    protected override void Append(SseWriter writer, int index, GenerationEvent.Text text) =>
        WriteEvent(writer, new(text.Value, index, _logprobs[index]?.Next(text.LogProbs), null));

    protected override void End(SseWriter writer, int index, GenerationEvent.Finished finished) =>
        WriteEvent(writer, new("", index, null, finished.Reason.ToWireName()));

    protected override void WriteUsage(SseWriter writer)
    {
        if (completion.IncludeUsage) writer.WriteEvent(head.Body(_usage.Total()), OpenAiJsonContext.Default.CompletionBodyWithUsage);
    }

    private void WriteEvent(SseWriter writer, CompletionChoice choice)
    {
        if (completion.IncludeUsage) writer.WriteEvent(head.Body(usage: null, choice), OpenAiJsonContext.Default.CompletionBodyWithUsage);
        else writer.WriteEvent(head.Body(choice), OpenAiJsonContext.Default.CompletionBody);
    }
}
