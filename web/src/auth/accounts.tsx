import { Button, Form, Input, Modal, Popconfirm, Select, Space, Table, Tag, Typography } from "antd";
import { useState } from "react";
import { api, unwrap, type Schemas } from "../shared/api";
import { useCommand } from "../shared/command";
import { moment } from "../shared/format";
import { useI18n } from "../shared/i18n";
import { useQuery } from "../shared/query";
import { ALL_ROLES, ROLES } from "../shared/roles";
import { Loaded, Panel } from "../shared/ui";

/** The accounts of the console, for the administrator. */
export function AccountsPage() {
  const { t, lang } = useI18n();
  const query = useQuery("accounts", () => unwrap(api.GET("/api/accounts")), () => false);
  const { busy, run } = useCommand();
  const [shown, setShown] = useState<Schemas["OneTimePassword"]>();
  const [form] = Form.useForm<Schemas["NewAccount"]>();
  const secret = (work: Promise<Schemas["OneTimePassword"]>) =>
    run(async () => {
      setShown(await work);
      query.reload();
    });
  const open = async (body: Schemas["NewAccount"]) => {
    if (await secret(unwrap(api.POST("/api/accounts", { body })))) form.resetFields();
  };
  const shut = (account: string, disabled: boolean) =>
    run(async () => {
      await unwrap(api.POST("/api/accounts/{account}/disabled", { params: { path: { account } }, body: { disabled } }));
      query.reload();
    });
  return (
    <div className="grid">
      <Panel title={t("accounts.title")} className="w8">
        <Loaded query={query}>
          {({ accounts }) => (
            <div className="wide">
              <Table
                rowKey="account"
                size="small"
                pagination={false}
                dataSource={accounts}
                columns={[
                  { title: t("auth.account"), dataIndex: "account" },
                  { title: t("accounts.name"), dataIndex: "name" },
                  {
                    title: t("accounts.roles"),
                    render: (_, row) => row.roles.map((role) => <Tag key={role}>{t(ROLES[role])}</Tag>),
                  },
                  {
                    title: t("accounts.status"),
                    render: (_, row) => (
                      <>
                        {row.disabled && <Tag color="red">{t("accounts.shut")}</Tag>}
                        {row.must_change && <Tag color="orange">{t("accounts.mustChange")}</Tag>}
                        {!row.enrolled && <Tag>{t("accounts.notEnrolled")}</Tag>}
                      </>
                    ),
                  },
                  { title: t("accounts.lastLogin"), render: (_, row) => moment(row.last_login, lang) },
                  {
                    title: "",
                    render: (_, row) => (
                      <Space>
                        <Popconfirm
                          title={t("accounts.resetSure")}
                          onConfirm={() =>
                            secret(unwrap(api.POST("/api/accounts/{account}/reset", { params: { path: { account: row.account } } })))
                          }
                        >
                          <Button size="small">{t("accounts.reset")}</Button>
                        </Popconfirm>
                        <Button size="small" danger={!row.disabled} onClick={() => void shut(row.account, !row.disabled)}>
                          {row.disabled ? t("accounts.reopen") : t("accounts.shutIt")}
                        </Button>
                      </Space>
                    ),
                  },
                ]}
              />
            </div>
          )}
        </Loaded>
      </Panel>
      <Panel title={t("accounts.open")} className="w4">
        <Form form={form} layout="vertical" onFinish={(body) => void open(body)}>
          <Form.Item name="account" label={t("auth.account")} rules={[{ required: true, message: t("auth.accountNeeded") }]}>
            <Input autoCapitalize="none" />
          </Form.Item>
          <Form.Item name="name" label={t("accounts.name")} rules={[{ required: true, message: t("accounts.nameNeeded") }]}>
            <Input />
          </Form.Item>
          <Form.Item name="roles" label={t("accounts.roles")} rules={[{ required: true, message: t("accounts.roleNeeded") }]}>
            <Select mode="multiple" options={ALL_ROLES.map((role) => ({ value: role, label: t(ROLES[role]) }))} />
          </Form.Item>
          <Button type="primary" htmlType="submit" loading={busy}>
            {t("accounts.open")}
          </Button>
        </Form>
      </Panel>
      <Modal open={shown !== undefined} title={t("accounts.once")} footer={null} onCancel={() => setShown(undefined)}>
        <p>{t("accounts.onceHint")}</p>
        <Typography.Paragraph copyable className="mono">
          {shown?.password ?? ""}
        </Typography.Paragraph>
      </Modal>
    </div>
  );
}
