import { Alert, Button, Card, Form, Input, Segmented, Typography } from "antd";
import { useEffect, useState } from "react";
import { api, Refused, unwrap, type Problem, type Schemas } from "../shared/api";
import { useI18n } from "../shared/i18n";
import { ProblemBox } from "../shared/ui";

interface Step {
  onStep: () => Promise<void>;
}

/** The log-in, step by step: password, second step, and a new password where the first was for one use. */
export function Gate({ next, onStep }: { next: Schemas["NextStep"] | undefined } & Step) {
  const { t, lang, setLang } = useI18n();
  return (
    <main className="gate">
      <Card
        title={t("app.title")}
        extra={
          <Segmented
            size="small"
            value={lang}
            aria-label={t("nav.language")}
            options={[
              { value: "zh", label: "中文" },
              { value: "en", label: "English" },
            ]}
            onChange={setLang}
          />
        }
      >
        {next === undefined && <PasswordStep onStep={onStep} />}
        {next === "code" && <CodeStep onStep={onStep} />}
        {next === "enrol" && <EnrolStep onStep={onStep} />}
        {next === "password" && <NewPasswordStep onStep={onStep} hint />}
      </Card>
      {next !== undefined && (
        <Button
          type="link"
          onClick={() => void unwrap(api.POST("/api/auth/logout")).catch(() => undefined).then(onStep)}
        >
          {t("auth.startOver")}
        </Button>
      )}
    </main>
  );
}

function useStep(onStep: () => Promise<void>) {
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const attempt = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
      await onStep();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setProblem(error.problem);
      if (error.status === 401 && error.problem.code === "unauthenticated") await onStep();
    } finally {
      setBusy(false);
    }
  };
  return { problem, busy, attempt };
}

function PasswordStep({ onStep }: Step) {
  const { t } = useI18n();
  const { problem, busy, attempt } = useStep(onStep);
  return (
    <Form layout="vertical" onFinish={(body: Schemas["SignIn"]) => void attempt(() => unwrap(api.POST("/api/auth/login", { body })))}>
      <Form.Item name="account" label={t("auth.account")} rules={[{ required: true, message: t("auth.accountNeeded") }]}>
        <Input autoFocus autoComplete="username" autoCapitalize="none" />
      </Form.Item>
      <Form.Item name="password" label={t("auth.password")} rules={[{ required: true, message: t("auth.passwordNeeded") }]}>
        <Input.Password autoComplete="current-password" />
      </Form.Item>
      {problem && <ProblemBox problem={problem} />}
      <Button type="primary" htmlType="submit" block loading={busy} style={{ marginTop: 12 }}>
        {t("auth.signIn")}
      </Button>
    </Form>
  );
}

function CodeFields({ busy, problem, label }: { busy: boolean; problem: Problem | undefined; label: string }) {
  const { t } = useI18n();
  return (
    <>
      <Form.Item name="code" label={t("auth.code")} rules={[{ required: true, message: t("auth.codeNeeded") }]}>
        <Input autoFocus inputMode="numeric" autoComplete="one-time-code" maxLength={7} />
      </Form.Item>
      {problem && <ProblemBox problem={problem} />}
      <Button type="primary" htmlType="submit" block loading={busy} style={{ marginTop: 12 }}>
        {label}
      </Button>
    </>
  );
}

function CodeStep({ onStep }: Step) {
  const { t } = useI18n();
  const { problem, busy, attempt } = useStep(onStep);
  return (
    <Form layout="vertical" onFinish={(body: Schemas["Code"]) => void attempt(() => unwrap(api.POST("/api/auth/code", { body })))}>
      <Typography.Paragraph>{t("auth.codeHint")}</Typography.Paragraph>
      <CodeFields busy={busy} problem={problem} label={t("auth.continue")} />
    </Form>
  );
}

export function EnrolStep({ onStep }: Step) {
  const { t } = useI18n();
  const { problem, busy, attempt } = useStep(onStep);
  const [secret, setSecret] = useState<Schemas["EnrolSecret"]>();
  const [failed, setFailed] = useState<Problem>();
  useEffect(() => {
    unwrap(api.POST("/api/auth/enrol"))
      .then(setSecret)
      .catch((error: unknown) => {
        if (error instanceof Refused) setFailed(error.problem);
      });
  }, []);
  return (
    <Form
      layout="vertical"
      onFinish={(body: Schemas["Code"]) => void attempt(() => unwrap(api.POST("/api/auth/enrol/confirm", { body })))}
    >
      <Typography.Paragraph>{t("auth.enrolHint")}</Typography.Paragraph>
      {failed && <ProblemBox problem={failed} />}
      {secret && (
        <>
          <img
            src={`data:image/svg+xml;utf8,${encodeURIComponent(secret.svg)}`}
            alt={t("auth.qr")}
            width={220}
            height={220}
            style={{ display: "block", margin: "0 auto 12px" }}
          />
          <Typography.Paragraph className="mono" copyable={{ text: secret.secret }} data-testid="totp-secret">
            {secret.secret}
          </Typography.Paragraph>
        </>
      )}
      <CodeFields busy={busy} problem={problem} label={t("auth.confirm")} />
    </Form>
  );
}

type PasswordForm = Schemas["ChangePassword"] & { again: string };

export function NewPasswordStep({ onStep, hint }: Step & { hint?: boolean }) {
  const { t } = useI18n();
  const { problem, busy, attempt } = useStep(onStep);
  const change = ({ old, new: fresh }: PasswordForm) =>
    attempt(() => unwrap(api.POST("/api/auth/password", { body: { old, new: fresh } })));
  return (
    <Form layout="vertical" onFinish={(form: PasswordForm) => void change(form)}>
      {hint && <Alert type="info" title={t("auth.changeHint")} style={{ marginBottom: 12 }} />}
      <Form.Item name="old" label={t("auth.oldPassword")} rules={[{ required: true, message: t("auth.passwordNeeded") }]}>
        <Input.Password autoFocus={hint ?? false} autoComplete="current-password" />
      </Form.Item>
      <Form.Item name="new" label={t("auth.newPassword")} rules={[{ required: true, min: 12, message: t("auth.passwordShort") }]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="again"
        label={t("auth.again")}
        dependencies={["new"]}
        rules={[
          ({ getFieldValue }) => ({
            validator: (_, value) =>
              value === getFieldValue("new") ? Promise.resolve() : Promise.reject(new Error(t("auth.passwordDiffers"))),
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      {problem && <ProblemBox problem={problem} />}
      <Button type="primary" htmlType="submit" block loading={busy} style={{ marginTop: 12 }}>
        {t("auth.changePassword")}
      </Button>
    </Form>
  );
}
