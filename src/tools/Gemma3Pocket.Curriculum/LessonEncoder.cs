namespace Gemma3Pocket.Curriculum;

/// <summary>Writes a lesson in Gemma's chat template, token for token as the server does.</summary>
/// <remarks>
/// Control tokens go in by their ids; what stands between two of them is tokenized as one piece (<c>user\n</c> and the text together), and so
/// is the line break after a turn. The answer's header is tokenized apart from the answer, because the server stops there.
/// </remarks>
/// <param name="vocabulary">The model's vocabulary.</param>
public sealed class LessonEncoder(PocketVocabulary vocabulary)
{
    private readonly PocketTokenizer _tokenizer = new(vocabulary);

    /// <summary>The lesson's turns and its answer; everything an assistant says is marked as an answer.</summary>
    public EncodedLesson Encode(Lesson lesson)
    {
        var tokens = new List<int> { PocketVocabulary.BeginOfSequence };
        var isAnswer = new List<bool> { false };
        foreach (var turn in Folded(lesson.Turns))
            Add(turn.Role, turn.Text);
        Add("assistant", lesson.Answer);
        return new EncodedLesson { Tokens = [.. tokens], IsAnswer = [.. isAnswer] };

        void Add(string role, string text)
        {
            var answers = role == "assistant";
            Append([PocketVocabulary.StartOfTurn], false);
            // An earlier answer is tokenized with its header; the two are the same, since a run of line breaks is its own token
            // and no answer begins with one.
            Append(_tokenizer.Encode(answers ? "model\n" : "user\n" + text), false);
            if (answers)
                Append(_tokenizer.Encode(text), true);
            Append([PocketVocabulary.EndOfTurn], answers);
            Append(_tokenizer.Encode("\n"), false);
        }

        void Append(int[] ids, bool answer)
        {
            tokens.AddRange(ids);
            isAnswer.AddRange(Enumerable.Repeat(answer, ids.Length));
        }
    }

    /// <summary>The system turn stands before the first user's text, with an empty line between.</summary>
    private static IEnumerable<LessonTurn> Folded(IReadOnlyList<LessonTurn> turns)
    {
        var system = "";
        foreach (var turn in turns)
        {
            if (turn.Role == "system")
            {
                system = turn.Text + "\n\n";
                continue;
            }

            yield return turn with { Text = system + turn.Text };
            system = "";
        }
    }
}
