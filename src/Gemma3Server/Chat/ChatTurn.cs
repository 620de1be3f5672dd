namespace Gemma3Server.Chat;

/// <summary>One turn as the model sees it; the text is final.</summary>
/// <param name="Role">The word in the prompt: <c>user</c> or <c>model</c>.</param>
/// <param name="Text">Trimmed text, with the system text in front in the first turn.</param>
internal sealed record ChatTurn(string Role, string Text)
{
    public const string User = "user";
    public const string Model = "model";
}
