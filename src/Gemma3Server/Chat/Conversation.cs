using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>
/// Turns that Gemma 3's template accepts: user and model alternate, the first is the user's, and so is the last one that is to be answered. A
/// value of this type cannot be wrong.
/// </summary>
/// <remarks>
/// How messages become turns, equal to the published template wherever that accepts them:
/// <list type="bullet">
/// <item>The parts of a message are trimmed one by one and joined without a separator.</item>
/// <item>System and developer messages at the start stand, untrimmed and each followed by an empty line, before the first user text.</item>
/// <item>System messages that nothing follows are the user's turn: OpenAI answers them, and the template has no other place for them.</item>
/// <item>A later system message keeps its place and is user text: moving it would change the past, and with it the cached prefix.</item>
/// <item>Declarations of tools (the preamble) stand between the system text and the first user text.</item>
/// <item>Results of tools are user text, as Google's documents show them to the model.</item>
/// <item>Neighbouring messages of one role become one turn, joined by an empty line; the template refuses them.</item>
/// </list>
/// </remarks>
internal sealed class Conversation
{
    private const string Separator = "\n\n";

    private Conversation(IReadOnlyList<ChatTurn> turns, int systemLength, PromptEnding ending) =>
        (Turns, SystemLength, Ending) = (turns, systemLength, ending);

    /// <summary>User, model, user, ..., the last one as <see cref="Ending"/> needs it.</summary>
    public IReadOnlyList<ChatTurn> Turns { get; }

    /// <summary>What comes after the turns.</summary>
    public PromptEnding Ending { get; }

    /// <summary>Characters of the first turn's text that are the system's or declare tools, and so the same in many conversations.</summary>
    public int SystemLength { get; }

    public static bool TryCreate(
        IReadOnlyList<ChatEntry> messages, [NotNullWhen(true)] out Conversation? conversation, [NotNullWhen(false)] out OpenAiError? error,
        PromptEnding ending = PromptEnding.Answer, string preamble = "")
    {
        conversation = null;
        error = FindFault(messages, ending);
        if (error is not null) return false;
        conversation = new(ToTurns(messages, preamble), SystemText(messages).Length + preamble.Length, ending);
        return true;
    }

    /// <summary>The turns of messages that start with the user's, however they end.</summary>
    internal static List<ChatTurn> ToTurns(IReadOnlyList<ChatEntry> messages, string preamble = "")
    {
        var turns = new List<ChatTurn>();

        // The texts of a turn are collected and joined once: joining them one by one costs the square of their number.
        var (role, texts) = (ChatTurn.User, new List<string>());
        foreach (var message in messages.Skip(SystemMessagesInFront(messages)))
        {
            var next = message.Role == ChatRole.Assistant ? ChatTurn.Model : ChatTurn.User;
            if (next != role)
            {
                turns.Add(new(role, string.Join(Separator, texts)));
                texts.Clear();
                role = next;
            }

            var text = string.Concat(message.Parts.Select(PythonText.Strip));
            if (text.Length > 0) texts.Add(text);
        }

        turns.Add(new(role, string.Join(Separator, texts)));
        turns[0] = turns[0] with { Text = SystemText(messages) + preamble + turns[0].Text };
        return turns;
    }

    /// <summary>What stands before the first user text.</summary>
    private static string SystemText(IReadOnlyList<ChatEntry> messages) =>
        string.Concat(messages.Take(SystemMessagesInFront(messages)).Select(m => string.Concat(m.Parts) + Separator));

    /// <summary>What keeps messages from being a conversation, whoever has the last word.</summary>
    internal static OpenAiError? FindFaultAtStart(IReadOnlyList<ChatEntry> messages)
    {
        if (messages.Count == 0) return OpenAiError.OutOfRange("messages", "'messages' must have at least 1 message, but has 0.");
        var start = SystemMessagesInFront(messages);
        return messages[start].Role == ChatRole.Assistant
            ? OpenAiError.OutOfRange($"messages[{start}].role",
                $"The conversation must start with a user message, but messages[{start}] has the role 'assistant'.")
            : null;
    }

    private static OpenAiError? FindFault(IReadOnlyList<ChatEntry> messages, PromptEnding ending)
    {
        if (FindFaultAtStart(messages) is { } fault) return fault;
        var (last, isAnswer) = ($"messages[{messages.Count - 1}]", messages[^1].Role == ChatRole.Assistant);
        return ending switch
        {
            PromptEnding.Answer when isAnswer => OpenAiError.OutOfRange($"{last}.role",
                $"The conversation must end with a user message, but {last} has the role 'assistant'; to have it continued, "
                + "set 'continue_final_message' to true."),
            PromptEnding.Continuation when !isAnswer => OpenAiError.OutOfRange("continue_final_message",
                $"'continue_final_message' needs a last message with the role 'assistant', but {last} has another one."),
            _ => null,
        };
    }

    /// <summary>How many messages go in front of the first user text: none when nothing follows, as they are the user's turn then.</summary>
    private static int SystemMessagesInFront(IReadOnlyList<ChatEntry> messages)
    {
        var leading = messages.TakeWhile(m => m.Role == ChatRole.System).Count();
        return leading == messages.Count ? 0 : leading;
    }
}
