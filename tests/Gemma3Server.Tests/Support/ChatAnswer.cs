namespace Gemma3Server.Tests.Support;

/// <summary>One answer of a response: its text, the JSON of its tokens' log-probabilities, and how it ended.</summary>
internal sealed record ChatAnswer(string Text, List<string> Logprobs, string? FinishReason)
{
    public bool Equals(ChatAnswer? other) =>
        other is not null && (Text, FinishReason) == (other.Text, other.FinishReason) && Logprobs.SequenceEqual(other.Logprobs);

    public override int GetHashCode() => HashCode.Combine(Text, FinishReason, Logprobs.Count);
}
