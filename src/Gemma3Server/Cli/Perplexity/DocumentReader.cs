using System.Text;
using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Chat;
using Gemma3Server.Engine.Evaluation;
using Gemma3Server.Runtime;

namespace Gemma3Server.Cli.Perplexity;

/// <summary>Makes documents of a text file: windows of plain text, or conversations of a .jsonl file, in the model's own chat template.</summary>
internal sealed class DocumentReader(PerplexityPlan plan, ITokenizer tokenizer, int contextLength)
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="CommandFault">The file cannot be read or has nothing to score; the message names the line.</exception>
    public async Task<List<EvaluationDocument>> ReadAsync(CancellationToken cancellationToken)
    {
        string text;
        try
        {
            text = await File.ReadAllTextAsync(plan.Text.FullName, Strict, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"The text '{plan.Text}' cannot be read: {exception.Message}");
        }
        catch (DecoderFallbackException)
        {
            throw new CommandFault($"The text '{plan.Text}' is not valid UTF-8.");
        }

        var documents = plan.IsConversations ? Conversations(text) : Windows(tokenizer.Tokenize(text));
        return documents.Any(document => document.ScoredCount > 0)
            ? documents
            : throw new CommandFault(plan.AnswersOnly
                ? $"The text '{plan.Text}' has no assistant message to score."
                : $"The text '{plan.Text}' is empty: there is nothing to score.");
    }

    private List<EvaluationDocument> Windows(int[] tokens)
    {
        if (contextLength < 2) throw new CommandFault($"--context {contextLength} has no room for a token after the first.", Hosting.ExitCode.WrongUsage);
        return [.. tokens.Chunk(contextLength - 1).Select((window, i) => new EvaluationDocument($"window {i + 1}", [tokenizer.BeginOfSequence, .. window]))];
    }

    private List<EvaluationDocument> Conversations(string text)
    {
        if (!ChatTemplate.TryCreate(tokenizer, out var template))
            throw new CommandFault("The model's vocabulary lacks Gemma's turn tokens, so that conversations cannot be rendered.");
        var documents = new List<EvaluationDocument>();
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.IsWhiteSpace()) continue;
            var (tokens, isAnswer) = template.Tokenize(Parse(line.ToString(), number));
            if (tokens.Length > contextLength)
            {
                throw new CommandFault($"Line {number} of '{plan.Text}' has {tokens.Length} tokens, and the context holds {contextLength}: "
                    + "give a larger --context.");
            }

            documents.Add(new($"line {number}", tokens, plan.AnswersOnly ? isAnswer : null));
        }

        return documents;
    }

    private Transcript Parse(string line, int number)
    {
        List<ChatMessage?>? messages = null;
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("messages", out var list))
                messages = list.Clone().Deserialize(OpenAiJsonContext.Default.ListChatMessage);
        }
        catch (JsonException exception)
        {
            throw Fault(number, $"is not JSON with messages: {exception.Message.Split(" LineNumber:", 2)[0].Split(" Path:", 2)[0]}");
        }

        if (messages is null) throw Fault(number, "has no 'messages'.");
        if (!MessageReader.TryRead(messages, new IgnoredParameters(), out var entries, out var error)
            || !Transcript.TryCreate(entries, out var transcript, out error))
        {
            throw Fault(number, $"cannot be taken: {error.Message}");
        }

        return transcript;
    }

    private CommandFault Fault(int number, string reason) => new($"Line {number} of '{plan.Text}' {reason}");
}
