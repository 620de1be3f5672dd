using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>
/// Streams chat completions: the first chunk of each choice carries the role, then comes one chunk per text, and one with the finish reason. Where the
/// request has tools, calls are told from text: a chunk with id and name, then chunks with pieces of the arguments.
/// </summary>
internal sealed class ChatCompletionStream(
    HttpResponse response, ChatCompletionHead head, ParsedChat chat, GenerationMeasurements measurements, TokenText? texts, TimeProvider timeProvider)
    : AnswerStream(response, chat.Choices, measurements, timeProvider)
{
    private readonly AnswerReader[] _answers = [.. Enumerable.Range(0, chat.Choices).Select(_ => new AnswerReader(chat.Tools))];

    protected override void Begin(SseWriter writer, int index, GenerationEvent.Started started)
    {
        Measurements.Started(started);
        WriteChunk(writer, new(index, new() { Role = "assistant", Content = "" }, null, null));
    }

    protected override void Append(SseWriter writer, int index, GenerationEvent.Text text)
    {
        foreach (var part in _answers[index].Append(text)) WritePart(writer, index, part);
    }

    protected override void End(SseWriter writer, int index, GenerationEvent.Finished finished)
    {
        foreach (var part in _answers[index].End()) WritePart(writer, index, part);
        WriteChunk(writer, new(index, new(), null, finished.Reason.ToWireName(_answers[index].HasCalled)));
    }

    protected override void WriteUsage(SseWriter writer)
    {
        if (chat.IncludeUsage) WriteChunkWithUsage(writer, [], Usage.Of(Measurements));
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
