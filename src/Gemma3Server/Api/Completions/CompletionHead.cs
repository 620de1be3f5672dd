namespace Gemma3Server.Api.Completions;

/// <summary>What all bodies of one answer have in common.</summary>
internal sealed record CompletionHead(string Id, long Created, string Model, string SystemFingerprint)
{
    public CompletionBody Body(params CompletionChoice[] choices) =>
        new() { Id = Id, Created = Created, Model = Model, SystemFingerprint = SystemFingerprint, Choices = choices };

    public CompletionBodyWithUsage Body(ChatCompletions.Usage? usage, params CompletionChoice[] choices) =>
        new() { Id = Id, Created = Created, Model = Model, SystemFingerprint = SystemFingerprint, Choices = choices, Usage = usage };
}
