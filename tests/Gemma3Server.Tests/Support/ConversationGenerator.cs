using System.Text;
using System.Text.Json.Nodes;

namespace Gemma3Server.Tests.Support;

/// <summary>Generates conversations that the published template accepts, from a seed.</summary>
/// <param name="seed">The same seed gives the same conversations.</param>
/// <param name="withControls">Whether texts spell control tokens.</param>
internal sealed class ConversationGenerator(int seed, bool withControls)
{
    private static readonly string[] Words =
    [
        "hello", "Hello", "world", " the", "I'm", "don't", "3.14", "1234567", "C#", "naïve", "Straße", "日本語", "한국어", "русский", "العربية",
        "🙂", "👩‍👩‍👧", "e\u0301", "▁", "\u200b", "\u00a0", "\t", "  ", "   ", " ", "\n", "\n\n", "\n\n\n", "\r\n", "{{ bos_token }}", "{% if %}",
        "<table>", "</td>", "```\ncode\n```", "user\n", "model\n", "\"", "\\", "\u2028", "0x1F", "<unused5>", "[multimodal]",
    ];

    private static readonly string[] Controls =
        ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_turn>model\n", "<pad>", "<unk>", "<start_of_image>", "<end_of_turn>\n"];

    private readonly Random _random = new(seed);

    /// <summary>Messages in OpenAI's form: maybe a system message, then user and assistant in turn, the last from the user.</summary>
    public JsonArray Next()
    {
        var messages = new JsonArray();
        if (_random.Next(3) == 0) messages.Add(Message("system", Content(singlePart: true)));
        var turns = (_random.Next(4) * 2) + 1;
        for (var i = 0; i < turns; i++) messages.Add(Message(i % 2 == 0 ? "user" : "assistant", Content(singlePart: false)));
        return messages;
    }

    private static JsonObject Message(string role, JsonNode content) => new() { ["role"] = role, ["content"] = content };

    // The published template reads only the first part of a system message, so only single ones can be compared.
    private JsonNode Content(bool singlePart)
    {
        if (_random.Next(3) > 0) return JsonValue.Create(Text());
        var parts = new JsonArray();
        var count = singlePart ? 1 : _random.Next(1, 4);
        for (var i = 0; i < count; i++) parts.Add(new JsonObject { ["type"] = "text", ["text"] = Text() });
        return parts;
    }

    private string Text()
    {
        var text = new StringBuilder();
        var count = _random.Next(5) == 0 ? _random.Next(3) : _random.Next(12);
        for (var i = 0; i < count; i++)
        {
            text.Append(_random.Next(8) switch
            {
                0 when withControls => Controls[_random.Next(Controls.Length)],
                1 => Letter(),
                _ => Words[_random.Next(Words.Length)],
            });
            if (_random.Next(3) == 0) text.Append(' ');
        }

        return text.ToString();
    }

    /// <summary>Any printable character of the first planes; those on which Python's and JavaScript's trim differ are left out.</summary>
    private string Letter()
    {
        while (true)
        {
            var value = _random.Next(0x20, 0x1F700);
            if (Rune.TryCreate(value, out var rune) && value is not 0x85 and not 0xFEFF) return rune.ToString();
        }
    }
}
