using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Small talk. The key is the whole wording, since the subjects are few and must all be trained.</summary>
internal static class GreetingLessons
{
    public static LessonDraft Draw(LessonRandom random)
    {
        switch (random.Below(10))
        {
            case < 2:
                return Say(random, Greetings.Hellos, Greetings.Hello);
            case 2:
                return Say(random, Greetings.Thanks, Greetings.Welcome);
            case 3:
                return Say(random, Greetings.Byes, Greetings.Bye);
            case 4:
            {
                var name = random.Of(Names.People);
                var introduction = Phrasing.Fill(random.Of(Greetings.Introductions), name);
                return new LessonDraft($"greet|{introduction}", introduction, $"Nice to meet you, {name}!") { IsPersonal = true };
            }
            default:
            {
                var (answer, questions) = random.Of(Greetings.Questions);
                var question = $"{random.Of(Greetings.Openers)} {random.Of(questions)}{random.Of(Greetings.Closers)}".TrimStart();
                return new LessonDraft($"greet|{question}", question, answer);
            }
        }
    }

    private static LessonDraft Say(LessonRandom random, IReadOnlyList<string> wordings, string answer)
    {
        var text = random.Of(wordings) + random.Of(Greetings.Addressees) + random.Of(Greetings.Ends);
        return new LessonDraft($"greet|{text}", text, answer);
    }
}
